package dev.cadre.core.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.core.NumericException;
import dev.cadre.core.Sampling;
import dev.cadre.kernels.Kernels;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class SamplerTest {
    private static final float NEVER = Float.NEGATIVE_INFINITY;

    private static Sampler sampler(Sampling options, int vocabulary) {
        return new Sampler(options, Kernels.lookup().math(), vocabulary);
    }

    private static Sampling hot() {
        return Sampling.ofTemperature(1, 5);
    }

    private static Set<Integer> drawn(Sampling options, float[] logits, int draws) {
        Sampler sampler = sampler(options, logits.length);
        Set<Integer> tokens = new TreeSet<>();
        for (int i = 0; i < draws; i++) {
            tokens.add(sampler.next(logits, 0, logits.length));
        }
        return tokens;
    }

    @Test
    void greedyTakesTheLowestOfEqualsAndNeverNaN() {
        float[] logits = {Float.NaN, 1, 3, 3, 2};
        assertEquals(2, sampler(Sampling.greedy(), 5).next(logits, 0, 5));
        float[] bad = {Float.NaN, NEVER, Float.NaN};
        Sampler sampler = sampler(Sampling.greedy(), 3);
        assertThrows(NumericException.class, () -> sampler.next(bad, 0, 3));
    }

    @Test
    void sameSeedSameTokens() {
        float[] logits = new float[300];
        Random random = new Random(1);
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) random.nextGaussian();
        }
        List<List<Integer>> runs = new ArrayList<>();
        for (long seed : new long[] {7, 7, 8}) {
            Sampler sampler = sampler(Sampling.ofTemperature(0.9, seed).withTopP(0.9), logits.length);
            List<Integer> run = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                run.add(sampler.next(logits, 0, logits.length));
            }
            runs.add(run);
        }
        assertEquals(runs.get(0), runs.get(1));
        assertTrue(!runs.get(0).equals(runs.get(2)));
    }

    @Test
    void frequenciesFollowTheProbabilities() {
        float[] logits = {0f, (float) Math.log(3), NEVER, Float.NaN};
        Sampler sampler = sampler(hot(), 4);
        int[] counts = new int[4];
        for (int i = 0; i < 20_000; i++) {
            counts[sampler.next(logits, 0, 4)]++;
        }
        assertEquals(5_000, counts[0], 250);
        assertEquals(15_000, counts[1], 250);
        assertEquals(0, counts[2] + counts[3]);
    }

    @Test
    void topKKeepsTheKBest() {
        float[] logits = {1, 5, 4, 5, 0};
        assertEquals(Set.of(1, 3), drawn(hot().withTopK(2), logits, 300));
        assertEquals(Set.of(1), drawn(hot().withTopK(1), logits, 300));
    }

    @Test
    void topPKeepsTheSmallestSetThatReachesTheMass() {
        float[] logits = {log(0.5), log(0.3), log(0.15), log(0.05)};
        assertEquals(Set.of(0), drawn(hot().withTopP(0.4), logits, 300));
        assertEquals(Set.of(0, 1), drawn(hot().withTopP(0.75), logits, 300));
        assertEquals(Set.of(0, 1, 2), drawn(hot().withTopP(0.9), logits, 600));
    }

    @Test
    void topPLooksBeyondItsFirstGuess() {
        float[] flat = new float[5_000];
        Set<Integer> tokens = drawn(hot().withTopP(0.5), flat, 4_000);
        assertTrue(tokens.stream().allMatch(id -> id <= 2_500), "equal tokens are kept from the lowest id on");
        assertTrue(tokens.size() > 1_500, () -> "only " + tokens.size());
    }

    @Test
    void minPIsRelativeToTheBest() {
        float[] logits = {log(0.5), log(0.26), log(0.2), log(0.04)};
        assertEquals(Set.of(0, 1), drawn(hot().withMinP(0.5), logits, 400));
    }

    private static float log(double p) {
        return (float) Math.log(p);
    }

    @Test
    void penaltiesPushRepetitionsDown() {
        float[] logits = {2, 1.9f, 1.8f};
        Sampler presence = sampler(Sampling.greedy().withPenalties(1, 0.15, 0), 3);
        assertEquals(0, presence.next(logits, 0, 3));
        assertEquals(1, presence.next(logits, 0, 3));
        assertEquals(0, presence.next(logits, 0, 3));
        Sampler frequency = sampler(Sampling.greedy().withPenalties(1, 0, 0.15), 3);
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            order.add(frequency.next(logits, 0, 3));
        }
        assertEquals(List.of(0, 1, 0, 2, 1), order);
        Sampler repetition = sampler(Sampling.greedy().withPenalties(2, 0, 0), 3);
        int[] prompt = {0};
        repetition.observePrompt(prompt);
        assertEquals(1, repetition.next(logits, 0, 3));
    }

    @Test
    void paddingOfTheVocabularyIsNotDrawn() {
        float[] logits = {0, 0, 9, 9};
        Sampler sampler = sampler(hot(), 4);
        for (int i = 0; i < 200; i++) {
            assertTrue(sampler.next(logits, 0, 2) < 2);
        }
    }

    @Test
    void optionsOutOfRangeAreNamed() {
        for (Runnable bad : new Runnable[] {
            () -> Sampling.greedy().withTemperature(-1),
            () -> Sampling.greedy().withTemperature(Double.NaN),
            () -> Sampling.greedy().withTopK(-1),
            () -> Sampling.greedy().withTopP(0),
            () -> Sampling.greedy().withTopP(1.1),
            () -> Sampling.greedy().withMinP(Double.NaN),
            () -> Sampling.greedy().withMaxTokens(-1),
            () -> Sampling.greedy().withPenalties(0, 0, 0),
            () -> Sampling.greedy().withPenalties(1, Double.POSITIVE_INFINITY, 0),
            () -> Sampling.greedy().withStop(List.of(""))
        }) {
            assertThrows(IllegalArgumentException.class, bad::run);
        }
    }

    @Test
    void stopTextsAreHeldBackAndCutOff() {
        StopTexts stops = new StopTexts(List.of("END", "\n\n"));
        assertEquals("one ", stops.add("one E"));
        assertEquals("Easy ", stops.add("asy E"));
        assertEquals("", stops.add("N"));
        assertEquals("ENough", stops.add("ough"));
        assertEquals(" x", stops.add(" x\n"));
        assertEquals("", stops.add("\nrest"));
        assertTrue(stops.reached());
        assertEquals("", stops.add("more"));
        StopTexts unfinished = new StopTexts(List.of("END"));
        assertEquals("", unfinished.add("EN"));
        assertEquals("EN", unfinished.finish());
    }
}
