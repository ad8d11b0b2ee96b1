package dev.cadre.core.tokenizer;

import java.util.Arrays;
import java.util.Comparator;

/** SentencePiece's merges: any pair whose text is a token merges, the token with the highest score first. */
final class ScoredMerges implements MergeTable {
    private final Vocabulary vocabulary;
    private final int[] rank;

    ScoredMerges(Vocabulary vocabulary, float[] scores) {
        this.vocabulary = vocabulary;
        Integer[] order = new Integer[scores.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.comparing((Integer i) -> -scores[i]));
        rank = new int[scores.length];
        int next = 0;
        for (int i = 0; i < order.length; i++) {
            if (i > 0 && scores[order[i]] != scores[order[i - 1]]) {
                next = i;
            }
            rank[order[i]] = next; // equal scores have equal rank, so that the leftmost pair goes first
        }
    }

    @Override
    public long find(int left, int right) {
        int merged = vocabulary.id(vocabulary.text(left).concat(vocabulary.text(right)));
        return merged < 0 || merged >= rank.length ? NONE : MergeTable.merge(rank[merged], merged);
    }
}
