package dev.cadre.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TopKTest {
    /** Sorting, with the same rule: greater first, of equals the lower index, NaN last. */
    private static int[] bySorting(float[] scores, int k) {
        Integer[] order = new Integer[scores.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(
                order,
                Comparator.comparing((Integer i) -> Float.isNaN(scores[i]))
                        .thenComparing(i -> Float.isNaN(scores[i]) ? 0f : -(scores[i] + 0f)));
        return Arrays.stream(order)
                .limit(k)
                .mapToInt(Integer::intValue)
                .sorted()
                .toArray();
    }

    private static void check(float[] scores, int k) {
        int[] out = new int[Math.max(k, scores.length)];
        float[] padded = new float[scores.length + 1];
        System.arraycopy(scores, 0, padded, 1, scores.length);
        int n = new TopK().select(padded, 1, scores.length, k, out, 0);
        assertArrayEquals(bySorting(scores, k), Arrays.copyOf(out, n), () -> Arrays.toString(scores) + " k " + k);
    }

    @Test
    void agreesWithSorting() {
        Random random = TestSeed.random(7);
        for (int round = 0; round < 300; round++) {
            float[] scores = new float[1 + random.nextInt(400)];
            for (int i = 0; i < scores.length; i++) {
                scores[i] = round % 3 == 0 ? random.nextInt(5) - 2 : (float) random.nextGaussian();
            }
            for (int k : new int[] {0, 1, 2, scores.length / 2, scores.length - 1, scores.length}) {
                check(scores, Math.max(0, k));
            }
        }
    }

    @Test
    void takesTheLowerIndexOfEquals() {
        float[] equal = {0f, -0f, 0f, -0f};
        check(equal, 2);
        int[] out = new int[2];
        new TopK().select(equal, 0, 4, 2, out, 0);
        assertArrayEquals(new int[] {0, 1}, out);
    }

    @Test
    void nanAndInfinitiesAreOrdered() {
        float[] odd = {
            Float.NaN,
            Float.NEGATIVE_INFINITY,
            Float.POSITIVE_INFINITY,
            -Float.NaN,
            Float.MIN_VALUE,
            -0f,
            0f,
            Float.MAX_VALUE,
            -Float.MAX_VALUE
        };
        for (int k = 0; k <= odd.length; k++) {
            check(odd, k);
        }
    }

    @Test
    void aTeamSelectsTheSame() {
        Random random = TestSeed.random(8);
        for (int threads : new int[] {1, 3}) {
            try (WorkerTeam team = new WorkerTeam(threads, "topk-test")) {
                TeamTopK together = new TeamTopK(team);
                for (int n : new int[] {100, 32_768, 32_769, 100_000}) {
                    for (boolean ties : new boolean[] {false, true}) {
                        float[] scores = new float[n];
                        for (int i = 0; i < n; i++) {
                            scores[i] = ties ? random.nextInt(9) : (float) random.nextGaussian();
                        }
                        scores[n / 2] = Float.NaN;
                        for (int k : new int[] {0, 1, 77, 2048, 40_000}) {
                            int[] out = new int[Math.min(k, n) + 1];
                            int count = together.select(scores, 0, n, k, out, 1);
                            assertArrayEquals(bySorting(scores, k), Arrays.copyOfRange(out, 1, 1 + count));
                        }
                    }
                }
            }
        }
    }
}
