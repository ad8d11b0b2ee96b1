package dev.cadre.cli;

import dev.cadre.core.KvPrecision;
import dev.cadre.core.ModelInspection;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.CheckpointVerifier;
import dev.cadre.weights.TensorEntry;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code cadre inspect}: what a checkpoint holds and what it takes to run it. */
@Command(
        name = "inspect",
        description = "Prints what a checkpoint holds and what it takes to run it.",
        mixinStandardHelpOptions = true)
final class InspectCommand implements Callable<Integer> {
    @Parameters(paramLabel = "PATH", description = "A GGUF file or a Hugging Face folder.")
    private Path path;

    @Option(names = "--context", paramLabel = "N", description = "Positions for the memory figures.")
    private int context;

    @Option(names = "--kv", paramLabel = "TYPE", description = "Precision of the key-value cache; FP8 by default.")
    private KvPrecision kv = KvPrecision.FP8;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Option(names = "--verify", description = "Read every block and report values and scales that are not finite.")
    private boolean verify;

    @Option(names = "--sha256", description = "Compute the SHA-256 of every file.")
    private boolean sha256;

    InspectCommand() {}

    @Override
    public Integer call() {
        ModelInspection inspection = ModelInspection.of(path, context, kv);
        CheckpointVerifier.Report report = verify ? verify() : null;
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        if (json) {
            ObjectNode node = toJson(inspection);
            if (sha256) {
                ObjectNode sums = node.putObject("sha256");
                inspection.files().forEach(f -> sums.put(f.toString(), CheckpointVerifier.sha256(f)));
            }
            if (report != null) {
                addReport(node, report);
            }
            out.println(Json.print(node));
        } else {
            print(out, inspection);
            if (sha256) {
                inspection.files().forEach(f -> out.println("sha256 " + CheckpointVerifier.sha256(f) + "  " + f));
            }
            if (report != null) {
                print(out, report);
            }
        }
        out.flush();
        return report == null || report.isClean() ? 0 : 1;
    }

    private CheckpointVerifier.Report verify() {
        try (Checkpoint checkpoint = Checkpoint.open(path);
                ProgressLine progress = new ProgressLine()) {
            return CheckpointVerifier.verify(checkpoint, Runtime.getRuntime().availableProcessors(), progress);
        }
    }

    private static void addReport(ObjectNode node, CheckpointVerifier.Report report) {
        ObjectNode verified = node.putObject("verify");
        verified.put("clean", report.isClean());
        verified.put("bytes", report.bytes());
        verified.put("damaged_blocks", report.damagedBlocks());
        ArrayNode findings = verified.putArray("findings");
        for (CheckpointVerifier.Finding f : report.findings()) {
            ObjectNode finding = findings.addObject();
            finding.put("tensor", f.tensor());
            finding.put("file", f.file().toString());
            finding.put("offset", f.offset());
            finding.put("problem", f.problem());
        }
    }

    private static void print(PrintStream out, CheckpointVerifier.Report report) {
        for (CheckpointVerifier.Finding f : report.findings()) {
            out.println("damaged: " + printable(f.tensor()) + " at " + f.offset() + " of "
                    + f.file().getFileName() + ": " + f.problem());
        }
        out.println("verified " + bytes(report.bytes()) + ": "
                + (report.isClean() ? "every value is finite" : report.damagedBlocks() + " damaged blocks"));
    }

    private static ObjectNode toJson(ModelInspection i) {
        ObjectNode node = Json.object();
        node.put("path", i.path().toString());
        node.put("format", i.format());
        node.put("architecture", i.architecture());
        node.put("supported", i.unsupported() == null);
        node.put("unsupported_reason", i.unsupported());
        ArrayNode files = node.putArray("files");
        i.files().forEach(f -> files.add(f.toString()));
        node.putPOJO("hyper_parameters", i.hyperParameters());
        node.put("parameters", i.parameters());
        node.put("active_parameters_per_token", i.activeParameters());
        node.put("weight_bytes", i.weightBytes());
        node.put("weight_bytes_per_token", i.activeBytes());
        node.put("context", i.context());
        node.put("cache_bytes", i.cacheBytes());
        node.put("ram_bytes", i.cacheBytes() < 0 ? -1 : i.weightBytes() + i.cacheBytes());
        node.putPOJO("bytes_by_type", i.bytesByType());
        ArrayNode tensors = node.putArray("tensors");
        for (TensorEntry t : i.tensors()) {
            ObjectNode tensor = tensors.addObject();
            tensor.put("name", t.name());
            tensor.put("type", t.format().name());
            ArrayNode shape = tensor.putArray("shape");
            Arrays.stream(t.shape()).forEach(shape::add);
            tensor.put("file", t.file().toString());
            tensor.put("offset", t.offset());
            tensor.put("bytes", t.bytes());
        }
        return node;
    }

    private static void print(PrintStream out, ModelInspection i) {
        out.println(i.path() + ": " + i.format() + ", " + printable(i.architecture()));
        if (i.unsupported() != null) {
            out.println("  not supported: " + i.unsupported());
        }
        out.println("hyper-parameters");
        i.hyperParameters()
                .forEach((key, value) -> out.println("  " + printable(key) + " = " + shorten(String.valueOf(value))));
        out.println("tensors (shapes outermost first)");
        int width = i.tensors().stream().mapToInt(t -> t.name().length()).max().orElse(0);
        for (TensorEntry t : i.tensors()) {
            out.printf(
                    Locale.ROOT,
                    "  %-" + Math.max(1, width) + "s  %-8s %-20s %12d bytes at %d of %s%n",
                    printable(t.name()),
                    t.format(),
                    Arrays.toString(t.shape()),
                    t.bytes(),
                    t.offset(),
                    t.file().getFileName());
        }
        out.println("totals by type");
        for (Map.Entry<String, Long> entry : i.bytesByType().entrySet()) {
            out.printf(Locale.ROOT, "  %-8s %s%n", entry.getKey(), bytes(entry.getValue()));
        }
        out.println("parameters: " + count(i.parameters())
                + (i.activeParameters() < 0 ? "" : ", active per token: " + count(i.activeParameters())));
        out.println("weights: " + bytes(i.weightBytes())
                + (i.activeBytes() < 0 ? "" : ", read per token: " + bytes(i.activeBytes())));
        if (i.cacheBytes() >= 0) {
            out.println("memory at a context of " + i.context() + ": " + bytes(i.weightBytes() + i.cacheBytes())
                    + " (weights, mapped, and " + bytes(i.cacheBytes()) + " of cache)");
        }
    }

    private static String shorten(String value) {
        String oneLine = printable(value.replace("\n", "\\n"));
        return oneLine.length() <= 100 ? oneLine : oneLine.substring(0, 100) + "…";
    }

    /** Names and values are a stranger's: escape sequences must not reach the terminal. */
    private static String printable(String text) {
        StringBuilder result = new StringBuilder();
        text.codePoints()
                .forEach(c -> result.appendCodePoint(
                        Character.isISOControl(c) || Character.getType(c) == Character.FORMAT ? '\ufffd' : c));
        return result.toString();
    }

    private static String count(long n) {
        return n < 1_000_000
                ? Long.toString(n)
                : n < 1_000_000_000
                        ? String.format(Locale.ROOT, "%.1f million", n / 1e6)
                        : String.format(Locale.ROOT, "%.1f billion", n / 1e9);
    }

    private static String bytes(long n) {
        return n < 1 << 20
                ? n + " bytes"
                : n < 1 << 30
                        ? String.format(Locale.ROOT, "%.1f MiB", n / 1048576.0)
                        : String.format(Locale.ROOT, "%.2f GiB", n / 1073741824.0);
    }
}
