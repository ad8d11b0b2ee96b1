package dev.cadre.core.cache;

import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.AttentionConfig.Span;
import dev.cadre.core.model.ModelConfig;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.stream.LongStream;

/**
 * Layers that share pages: those of the same span, in portions of equal size.
 *
 * @param ofLayer the group of each layer
 * @param spans of each group
 */
record LayerGroups(int[] ofLayer, Span[] spans) {
    static LayerGroups of(ModelConfig config, long[] bytes) {
        SequencedMap<Span, List<Integer>> bySpan = new LinkedHashMap<>();
        for (int i = 0; i < bytes.length; i++) {
            Span span = config.layers().get(i).attention() instanceof AttentionConfig.Grouped grouped
                    ? grouped.span()
                    : Span.ALL;
            bySpan.computeIfAbsent(span, s -> new ArrayList<>()).add(i);
        }
        int portion = portion(bySpan, bytes);
        int[] ofLayer = new int[bytes.length];
        List<Span> spans = new ArrayList<>();
        bySpan.forEach((span, layers) -> {
            for (int i = 0; i < layers.size(); i++) {
                if (i % portion == 0) {
                    spans.add(span);
                }
                ofLayer[layers.get(i)] = spans.size() - 1;
            }
        });
        return new LayerGroups(ofLayer, spans.toArray(new Span[0]));
    }

    /** The most layers that every group can have. Layers of different sizes do not add up, so each is then a group. */
    private static int portion(SequencedMap<Span, List<Integer>> bySpan, long[] bytes) {
        if (bySpan.size() == 1) {
            return bytes.length;
        }
        if (LongStream.of(bytes).distinct().count() > 1) {
            return 1;
        }
        BigInteger common = BigInteger.ZERO;
        for (List<Integer> layers : bySpan.values()) {
            common = common.gcd(BigInteger.valueOf(layers.size()));
        }
        return common.intValueExact();
    }
}
