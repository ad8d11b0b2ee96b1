package dev.cadre.bench;

import dev.cadre.core.MoeModel;
import dev.cadre.core.Session;
import dev.cadre.core.SessionOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * End-to-end speed of a model: prompt and generation, at chosen depths, beside the machine's limits measured in the
 * same run.
 */
public final class ModelBenchmark {
    private ModelBenchmark() {}

    /**
     * What to measure.
     *
     * @param promptTokens tokens of the prompt test, 0 for none
     * @param generatedTokens tokens of the generation test, 0 for none
     * @param depths positions that the cache holds before a test
     * @param repetitions runs of each test
     * @param threads workers of the model, for the machine's limits
     */
    public record Plan(int promptTokens, int generatedTokens, int[] depths, int repetitions, int threads) {}

    /**
     * One line of the result.
     *
     * @param test {@code pp512} or {@code tg64}
     * @param depth positions before the test
     * @param tokensPerSecond median of the runs
     * @param min slowest run
     * @param max fastest run
     * @param bytesPerToken bytes of weights that one token's step reads
     * @param bandwidthFraction share of the read bandwidth that these bytes make at this speed; meaningful for
     *     generation
     * @param fmaFraction share of the multiply-add rate that two operations for each weight read make; meaningful for
     *     prompts
     * @param limits the machine's, measured in the same run
     */
    public record Row(
            String test,
            int depth,
            double tokensPerSecond,
            double min,
            double max,
            long bytesPerToken,
            double bandwidthFraction,
            double fmaFraction,
            MachineLimits limits) {}

    /**
     * Measures.
     *
     * @param activeParameters weights that one token is multiplied with
     * @param progress told what is being measured
     */
    public static List<Row> run(MoeModel model, Plan plan, long activeParameters, Consumer<String> progress) {
        progress.accept("measuring the machine");
        MachineLimits limits = MachineLimits.measure(plan.threads());
        SplittableRandom random = new SplittableRandom(7);
        List<Row> rows = new ArrayList<>();
        for (int depth : plan.depths()) {
            double[] prompt = new double[plan.repetitions()];
            double[] generation = new double[plan.repetitions()];
            int positions = depth + Math.max(plan.promptTokens(), plan.generatedTokens()) + 1;
            try (Session session = model.newSession(SessionOptions.ofContext(positions))) {
                if (depth > 0) {
                    progress.accept("filling " + depth + " positions");
                    session.append(tokens(depth, model, random));
                }
                // one run of each warms up
                for (int r = -1; r < plan.repetitions(); r++) {
                    progress.accept("depth " + depth + ", run " + (r + 1) + " of " + plan.repetitions());
                    double p = plan.promptTokens() == 0 ? 0 : prompt(session, plan, model, random);
                    session.rewind(depth);
                    double g = plan.generatedTokens() == 0 ? 0 : generation(session, plan, model, random);
                    session.rewind(depth);
                    if (r >= 0) {
                        prompt[r] = p;
                        generation[r] = g;
                    }
                }
            }
            if (plan.promptTokens() > 0) {
                rows.add(row("pp" + plan.promptTokens(), depth, prompt, model, activeParameters, limits));
            }
            if (plan.generatedTokens() > 0) {
                rows.add(row("tg" + plan.generatedTokens(), depth, generation, model, activeParameters, limits));
            }
        }
        return rows;
    }

    private static int[] tokens(int n, MoeModel model, SplittableRandom random) {
        return random.ints(n, 0, model.info().vocabulary()).toArray();
    }

    private static double prompt(Session session, Plan plan, MoeModel model, SplittableRandom random) {
        int[] ids = tokens(plan.promptTokens(), model, random);
        long start = System.nanoTime();
        session.append(ids);
        return plan.promptTokens() / ((System.nanoTime() - start) / 1e9);
    }

    private static double generation(Session session, Plan plan, MoeModel model, SplittableRandom random) {
        int[] ids = tokens(plan.generatedTokens(), model, random);
        int[] one = new int[1];
        long start = System.nanoTime();
        for (int id : ids) {
            one[0] = id;
            session.append(one);
        }
        return plan.generatedTokens() / ((System.nanoTime() - start) / 1e9);
    }

    private static Row row(
            String test, int depth, double[] speeds, MoeModel model, long activeParameters, MachineLimits limits) {
        double[] sorted = speeds.clone();
        Arrays.sort(sorted);
        double median = sorted[sorted.length / 2];
        long bytes = model.info().weightBytesPerToken();
        return new Row(
                test,
                depth,
                median,
                sorted[0],
                sorted[sorted.length - 1],
                bytes,
                median * bytes / limits.readBandwidth(),
                median * activeParameters / limits.fmaRate(),
                limits);
    }
}
