package dev.cadre.bench;

import com.sun.management.ThreadMXBean;
import dev.cadre.core.Diagnostics;
import dev.cadre.core.MoeModel;
import dev.cadre.core.PhaseTimes;
import dev.cadre.core.Session;
import dev.cadre.core.SessionOptions;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/**
 * End-to-end speed of a model: prompt and generation, at chosen depths, beside the machine's limits measured in the
 * same run.
 */
public final class ModelBenchmark {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private ModelBenchmark() {}

    /** What the cache holds before a test at a depth. */
    public enum Fill {
        /** Random numbers, written at once. */
        RANDOM,
        /** Random tokens, read by the model as a prompt. */
        PREFILL;

        /** The deepest context that is computed when nothing else is said. */
        private static final int CHEAP_DEPTH = 4096;

        /** Computed while that takes seconds; random beyond 4,096 positions. */
        public static Fill forDepth(int deepest) {
            return deepest <= CHEAP_DEPTH ? PREFILL : RANDOM;
        }
    }

    /** How long tests run before they count, once each at least: C2 goes on compiling for some seconds. */
    private static final long WARM_UP_NANOS = 3_000_000_000L;

    /**
     * What to measure.
     *
     * @param promptTokens tokens of the prompt test, 0 for none
     * @param generatedTokens tokens of the generation test, 0 for none
     * @param depths positions that the cache holds before a test
     * @param fill what these positions hold
     * @param repetitions runs of each test
     * @param threads workers of the model, for the machine's limits
     */
    public record Plan(int promptTokens, int generatedTokens, int[] depths, Fill fill, int repetitions, int threads) {}

    /**
     * One line of the result.
     *
     * @param test {@code pp512} or {@code tg64}
     * @param depth positions before the test
     * @param tokensPerSecond median of the runs
     * @param min slowest run
     * @param max fastest run
     * @param bytesPerToken bytes of weights that one token's step reads
     * @param bandwidthFraction share of the read bandwidth that these bytes make, meaningful for generation: the median
     *     of the runs, each beside the bandwidth measured right before it
     * @param fmaFraction share of the multiply-add rate, likewise, meaningful for prompts: multiply-adds with weights,
     *     as many as were done; attention's are left out
     * @param cacheBytes bytes of the cache pages that hold {@code depth} positions
     * @param shares of the runs' time, by {@link PhaseTimes.Phase}
     * @param indexFmaFraction share of the multiply-add rate at which the index scan runs; 0 where there is none
     * @param allocatedPerToken bytes of heap that all threads together allocated for a token, the median of the runs
     * @param limits the machine's: medians of what was measured before each run of this test
     * @param slowestRead least read bandwidth measured in all of the benchmark, bytes per second
     * @param fastestRead greatest
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
            long cacheBytes,
            Map<PhaseTimes.Phase, Double> shares,
            double indexFmaFraction,
            double allocatedPerToken,
            MachineLimits limits,
            double slowestRead,
            double fastestRead) {}

    /**
     * Measures. The depths take turns in each round of runs, so that a machine that is slow for a while is slow for all
     * of them; deeper ones share the pages of those that are less deep.
     *
     * @param progress told what is being measured
     */
    public static List<Row> run(MoeModel model, Plan plan, Consumer<String> progress) {
        SplittableRandom random = new SplittableRandom(7);
        List<Measurement> tests = new ArrayList<>();
        List<Session> sessions = new ArrayList<>();
        int deepest = Arrays.stream(plan.depths()).max().orElse(0);
        int positions = deepest + Math.max(plan.promptTokens(), plan.generatedTokens()) + 1;
        progress.accept("measuring the machine");
        try (LimitsProbe probe = new LimitsProbe(plan.threads());
                Session full = model.newSession(SessionOptions.ofContext(positions))) {
            Map<Integer, Session> atDepth = new HashMap<>();
            for (int depth : Arrays.stream(plan.depths()).sorted().distinct().toArray()) {
                progress.accept("filling " + depth + " positions");
                fill(full, depth - full.position(), plan.fill(), model, random);
                Session session = full.fork();
                sessions.add(session);
                atDepth.put(depth, session);
            }
            for (int depth : plan.depths()) {
                Session session = atDepth.get(depth);
                tests.add(new Measurement("pp", plan.promptTokens(), plan.promptTokens(), depth, session, model));
                tests.add(new Measurement("tg", plan.generatedTokens(), 1, depth, session, model));
            }
            long start = System.nanoTime();
            do {
                for (Measurement test : tests) {
                    progress.accept("depth " + test.depth + ", warming up");
                    test.run(random, null);
                }
            } while (System.nanoTime() - start < WARM_UP_NANOS);
            for (int r = 0; r < plan.repetitions(); r++) {
                for (Measurement test : tests) {
                    progress.accept("depth " + test.depth + ", run " + (r + 1) + " of " + plan.repetitions());
                    test.run(random, probe);
                }
            }
        } finally {
            sessions.forEach(Session::close);
        }
        List<MachineLimits> all =
                tests.stream().flatMap(test -> test.limits.stream()).toList();
        return tests.stream()
                .filter(test -> test.tokens > 0)
                .map(test -> test.row(all))
                .toList();
    }

    private static void fill(Session session, int count, Fill fill, MoeModel model, SplittableRandom random) {
        if (count == 0) {
            return;
        }
        switch (fill) {
            case RANDOM -> Diagnostics.appendRandom(session, count, random.nextLong());
            case PREFILL -> session.append(tokens(count, model, random));
        }
    }

    private static int[] tokens(int n, MoeModel model, SplittableRandom random) {
        return random.ints(n, 0, model.info().vocabulary()).toArray();
    }

    /** The runs of one test at one depth. */
    private static final class Measurement {
        private final String kind;
        private final int tokens;
        private final int step; // tokens appended at a time
        private final int depth;
        private final Session start;
        private final long cacheBytes;
        private final MoeModel model;
        private final PhaseTimes times;
        private final List<Double> speeds = new ArrayList<>();
        private final List<MachineLimits> limits = new ArrayList<>(); // beside each speed
        private final List<Double> allocated = new ArrayList<>();
        private final float[] logits;
        private final long[] phases = new long[PhaseTimes.Phase.values().length];
        private long nanos;

        Measurement(String kind, int tokens, int step, int depth, Session start, MoeModel model) {
            this.kind = kind;
            this.tokens = tokens;
            this.step = step;
            this.depth = depth;
            this.start = start;
            this.cacheBytes = Diagnostics.cacheBytes(start);
            this.model = model;
            this.times = Diagnostics.phaseTimes(model);
            this.logits = new float[model.info().vocabulary()];
        }

        /**
         * Appends the test's tokens to a copy of its session.
         *
         * @param probe tells the machine's limits, or null if the run does not count
         */
        void run(SplittableRandom random, LimitsProbe probe) {
            if (tokens == 0) {
                return;
            }
            int[] ids = tokens(tokens, model, random);
            int[] part = new int[step];
            if (probe != null) {
                limits.add(probe.sample());
            }
            long[] before = new long[phases.length];
            for (PhaseTimes.Phase phase : PhaseTimes.Phase.values()) {
                before[phase.ordinal()] = times.nanos(phase);
            }
            long taken;
            long heap;
            try (Session session = start.fork()) {
                heap = THREADS.getTotalThreadAllocatedBytes();
                long began = System.nanoTime();
                for (int i = 0; i < tokens; i += step) {
                    System.arraycopy(ids, i, part, 0, step);
                    session.append(part, logits);
                }
                taken = System.nanoTime() - began;
                heap = THREADS.getTotalThreadAllocatedBytes() - heap;
            }
            if (probe != null) {
                allocated.add((double) heap / tokens);
                speeds.add(tokens / (taken / 1e9));
                nanos += taken;
                for (PhaseTimes.Phase phase : PhaseTimes.Phase.values()) {
                    phases[phase.ordinal()] += times.nanos(phase) - before[phase.ordinal()];
                }
            }
        }

        /** Multiply-adds with weights, some of which only the last token of a step has. */
        private double multiplyAddsPerToken() {
            double forLogits = model.info().weightsForLogits();
            return model.info().weightsPerToken() - forLogits + forLogits / step;
        }

        /** The median of what each run came to, by its number. */
        private double median(IntToDoubleFunction figure) {
            return IntStream.range(0, speeds.size())
                    .mapToDouble(figure)
                    .sorted()
                    .toArray()[speeds.size() / 2];
        }

        Row row(List<MachineLimits> all) {
            MachineLimits machine = MachineLimits.median(limits);
            DoubleSummaryStatistics speed =
                    speeds.stream().mapToDouble(Double::doubleValue).summaryStatistics();
            DoubleSummaryStatistics read =
                    all.stream().mapToDouble(MachineLimits::readBandwidth).summaryStatistics();
            long bytes = model.info().weightBytesPerToken();
            double multiplyAdds = multiplyAddsPerToken();
            Map<PhaseTimes.Phase, Double> shares = new EnumMap<>(PhaseTimes.Phase.class);
            for (PhaseTimes.Phase phase : PhaseTimes.Phase.values()) {
                shares.put(phase, (double) phases[phase.ordinal()] / nanos);
            }
            long scan = phases[PhaseTimes.Phase.INDEX_SCAN.ordinal()];
            double products = Diagnostics.indexProductsPerPosition(model)
                    * (depth + (tokens + 1) / 2.0)
                    * ((double) tokens * speeds.size());
            return new Row(
                    kind + tokens,
                    depth,
                    median(speeds::get),
                    speed.getMin(),
                    speed.getMax(),
                    bytes,
                    median(i -> speeds.get(i) * bytes / limits.get(i).readBandwidth()),
                    median(i -> speeds.get(i) * multiplyAdds / limits.get(i).fmaRate()),
                    cacheBytes,
                    shares,
                    scan == 0 ? 0 : products / (scan / 1e9) / machine.fmaRate(),
                    median(allocated::get),
                    machine,
                    read.getMin(),
                    read.getMax());
        }
    }
}
