package dev.cadre.cli;

import dev.cadre.bench.ModelBenchmark;
import dev.cadre.core.LoadOptions;
import dev.cadre.core.MoeModel;
import dev.cadre.core.PhaseTimes.Phase;
import dev.cadre.core.SyntheticModel;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.kernels.format.RandomBlocks;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code cadre bench}: how fast a model runs, and which part of the machine it uses. */
@Command(
        name = "bench",
        description = "Measures prompt and generation speed beside the machine's own limits.",
        mixinStandardHelpOptions = true)
final class BenchCommand implements Callable<Integer> {
    @Mixin
    private ModelOptions model = new ModelOptions();

    @Option(
            names = "--synthetic",
            paramLabel = "SHAPE",
            description = "Random weights made in memory: qwen3moe or glm-dsa; instead of --model.")
    private String synthetic;

    @Option(names = "--layers", paramLabel = "L", description = "Layers of the synthetic model.")
    private Integer layers;

    @Option(names = "--hidden", paramLabel = "H", description = "Hidden size of the synthetic model.")
    private Integer hidden;

    @Option(names = "--experts", paramLabel = "E", description = "Experts of the synthetic model.")
    private Integer experts;

    @Option(names = "--top-k", paramLabel = "K", description = "Experts for each token of the synthetic model.")
    private Integer topK;

    @Option(names = "--expert-ff", paramLabel = "F", description = "Expert width of the synthetic model.")
    private Integer expertWidth;

    @Option(names = "--type", paramLabel = "T", description = "Weight type of the synthetic model; Q4_K by default.")
    private String type;

    @Option(names = "-p", paramLabel = "N", description = "Tokens of the prompt test; 512 by default, 0 for none.")
    private int promptTokens = 512;

    @Option(names = "-n", paramLabel = "N", description = "Tokens of the generation test; 64 by default, 0 for none.")
    private int generatedTokens = 64;

    @Option(
            names = "-d",
            split = ",",
            paramLabel = "N",
            description = "Positions in the cache before a test; several are separated by commas.")
    private List<Integer> depths = List.of(0);

    @Option(
            names = "--fill",
            paramLabel = "HOW",
            description = "What the cache holds before a test: random numbers, written in seconds at any depth, or a"
                    + " prefill by the model; by default a prefill for depths up to 4096, random beyond.")
    private ModelBenchmark.Fill fill;

    @Option(names = "-r", paramLabel = "N", description = "Runs of each test; 3 by default.")
    private int repetitions = 3;

    @Option(names = "--json", description = "Print a JSON array.")
    private boolean json;

    BenchCommand() {}

    @Override
    public Integer call() {
        if (promptTokens < 0
                || generatedTokens < 0
                || repetitions < 1
                || depths.stream().anyMatch(d -> d < 0)) {
            throw new UserException("-p, -n and -d must not be negative, and -r must be at least 1");
        }
        LoadOptions options = model.withoutPrefixCache();
        try (MoeModel loaded = synthetic == null
                        ? MoeModel.load(model.path(), options)
                        : synthetic().load(options);
                StatusLine status = new StatusLine()) {
            int deepest = Collections.max(depths);
            ModelBenchmark.Plan plan = new ModelBenchmark.Plan(
                    promptTokens,
                    generatedTokens,
                    depths.stream().mapToInt(Integer::intValue).toArray(),
                    fill == null ? ModelBenchmark.Fill.forDepth(deepest) : fill,
                    repetitions,
                    options.threads());
            List<ModelBenchmark.Row> rows = ModelBenchmark.run(loaded, plan, status);
            status.clear();
            if (json) {
                ArrayNode array = Json.array();
                rows.forEach(row -> add(array.addObject(), row, loaded));
                System.out.println(Json.print(array));
            } else {
                print(rows, loaded);
            }
        }
        return 0;
    }

    private SyntheticModel synthetic() {
        SyntheticModel shape = switch (synthetic.toLowerCase(Locale.ROOT)) {
            case "qwen3moe" -> SyntheticModel.qwen3moe();
            case "glm-dsa" -> SyntheticModel.glmDsa();
            default ->
                throw new UserException("--synthetic: '" + synthetic + "' is unknown; known are qwen3moe and glm-dsa");
        };
        if (layers != null) {
            shape = shape.withLayers(layers);
        }
        if (hidden != null) {
            shape = shape.withHidden(hidden);
        }
        if (experts != null || topK != null) {
            shape = shape.withExperts(experts == null ? shape.experts() : experts, topK == null ? shape.topK() : topK);
        }
        if (expertWidth != null) {
            shape = shape.withExpertWidth(expertWidth);
        }
        return type == null ? shape : shape.withType(weightType(type));
    }

    private static BlockFormat weightType(String name) {
        for (BlockFormat format : RandomBlocks.formats()) {
            if (format.name().equalsIgnoreCase(name)) {
                return format;
            }
        }
        throw new UserException("--type: '" + name + "' is not a type of weights; known are " + RandomBlocks.formats());
    }

    private static void add(ObjectNode node, ModelBenchmark.Row row, MoeModel loaded) {
        node.put("test", row.test());
        node.put("depth", row.depth());
        node.put("threads", row.limits().threads());
        node.put("tokens_per_second", row.tokensPerSecond());
        node.put("min", row.min());
        node.put("max", row.max());
        node.put("bytes_per_token", row.bytesPerToken());
        node.put("seconds_per_token", 1 / row.tokensPerSecond());
        node.put("kv_bytes", row.cacheBytes());
        row.shares().forEach((phase, share) -> node.put(phase.name().toLowerCase(Locale.ROOT) + "_share", share));
        node.put("index_scan_fma_fraction", row.indexFmaFraction());
        node.put("bandwidth_fraction", row.bandwidthFraction());
        node.put("fma_fraction", row.fmaFraction());
        node.put("read_bandwidth_gb_s", row.limits().readBandwidth() / 1e9);
        node.put("read_bandwidth_min_gb_s", row.slowestRead() / 1e9);
        node.put("read_bandwidth_max_gb_s", row.fastestRead() / 1e9);
        node.put("allocated_bytes_per_token", row.allocatedPerToken());
        node.put("fma_g_s", row.limits().fmaRate() / 1e9);
        node.put("kernels", loaded.info().kernels());
    }

    private static void print(List<ModelBenchmark.Row> rows, MoeModel loaded) {
        if (rows.isEmpty()) {
            return;
        }
        ModelBenchmark.Row first = rows.getFirst();
        System.out.printf(
                Locale.ROOT,
                "%s, %s kernels, %d threads; this machine now: %.1f GB/s read (%.1f to %.1f), %.0f G multiply-adds/s%n",
                loaded.info().architecture(),
                loaded.info().kernels(),
                first.limits().threads(),
                first.limits().readBandwidth() / 1e9,
                first.slowestRead() / 1e9,
                first.fastestRead() / 1e9,
                first.limits().fmaRate() / 1e9);
        System.out.printf(
                "%-6s %8s %9s %21s %8s %8s %8s | %5s %6s %6s %7s%n",
                "test",
                "depth",
                "tokens/s",
                "min … max",
                "GB/s",
                "of limit",
                "cache MB",
                "scan",
                "select",
                "attend",
                "experts");
        for (ModelBenchmark.Row row : rows) {
            boolean prompt = row.test().startsWith("pp");
            System.out.printf(
                    Locale.ROOT,
                    "%-6s %8d %9.2f %9.2f … %9.2f %8s %7.0f%% %8.1f | %4.0f%% %5.0f%% %5.0f%% %6.0f%%%n",
                    row.test(),
                    row.depth(),
                    row.tokensPerSecond(),
                    row.min(),
                    row.max(),
                    prompt
                            ? "-"
                            : String.format(Locale.ROOT, "%.1f", row.tokensPerSecond() * row.bytesPerToken() / 1e9),
                    100 * (prompt ? row.fmaFraction() : row.bandwidthFraction()),
                    row.cacheBytes() / 1e6,
                    100 * row.shares().get(Phase.INDEX_SCAN),
                    100 * row.shares().get(Phase.SELECTION),
                    100 * row.shares().get(Phase.ATTENTION),
                    100 * row.shares().get(Phase.EXPERTS));
        }
        System.out.println("of limit: prompts of the multiply-add rate, generation of the read bandwidth; right: shares"
                + " of the time");
    }

    /** What is going on, on stderr, on a terminal only. */
    private static final class StatusLine implements Consumer<String>, AutoCloseable {
        private final boolean terminal =
                System.console() != null && System.console().isTerminal();

        @Override
        public void accept(String text) {
            if (terminal) {
                System.err.print("\r\u001b[K" + text);
            }
        }

        void clear() {
            accept("");
        }

        @Override
        public void close() {
            clear();
        }
    }
}
