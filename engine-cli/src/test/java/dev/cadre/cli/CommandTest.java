package dev.cadre.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.GgufWriter;
import dev.cadre.weights.WriteOptions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The command as a user meets it: results on stdout, errors on stderr, exit status. */
class CommandTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
    private static final String BUNDLED = ROOT.resolve("models/cadre-demo.gguf").toString();
    private static final String GOLDEN =
            ROOT.resolve("engine-core/src/test/resources/golden/mixed").toString();

    @TempDir
    private Path temp;

    /** What a run printed, and its exit status. */
    private record Outcome(int status, String out, String err) {}

    private static Outcome run(String... args) {
        PrintStream stdout = System.out;
        PrintStream stderr = System.err;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        StringWriter messages = new StringWriter();
        int status;
        try {
            System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
            CommandLine command = CadreCommand.commandLine();
            command.setErr(new PrintWriter(messages));
            status = command.execute(args);
        } finally {
            System.setOut(stdout);
            System.setErr(stderr);
        }
        return new Outcome(
                status, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8) + messages);
    }

    @Test
    void runStreamsTextAndStatistics() {
        Outcome outcome = run("run", "--model", BUNDLED, "--prompt", "Once upon a time", "--max-tokens", "8");
        assertEquals(0, outcome.status, outcome.err);
        assertFalse(outcome.out.isBlank());
        assertTrue(outcome.err.contains("generated"), outcome.err);
    }

    @Test
    void runPrintsTokensOnOneLine() throws IOException {
        JsonNode golden = JsonMapper.shared()
                .readTree(Files.readString(Path.of(GOLDEN, "golden.json")).replace("Infinity", "0"));
        StringBuilder prompt = new StringBuilder();
        golden.path("prompt")
                .forEach(id -> prompt.append(prompt.isEmpty() ? "" : ",").append(id.asInt()));
        Outcome outcome = run(
                "run",
                "--model",
                GOLDEN,
                "--greedy",
                "--tokens",
                prompt.toString(),
                "--print-tokens",
                "--max-tokens",
                "4");
        StringBuilder expected = new StringBuilder();
        for (int i = 0; i < 4; i++) {
            expected.append(i == 0 ? "" : " ")
                    .append(golden.path("greedy").get(i).asInt());
        }
        assertEquals(expected + System.lineSeparator(), outcome.out);
        assertEquals(0, outcome.status);
    }

    @Test
    void sameSeedSameText() {
        String[] args = {
            "run",
            "--model",
            BUNDLED,
            "--temperature",
            "1.2",
            "--seed",
            "3",
            "--top-p",
            "0.9",
            "--max-tokens",
            "12",
            "--json"
        };
        JsonNode first = JsonMapper.shared().readTree(run(args).out);
        JsonNode second = JsonMapper.shared().readTree(run(args).out);
        assertEquals(first.path("tokens"), second.path("tokens"));
        assertEquals(12, first.path("tokens").size());
        assertEquals("max_tokens", first.path("stop_reason").asString());
    }

    @Test
    void inspectPrintsWhatAProgramReads() {
        Outcome outcome = run("inspect", BUNDLED, "--json", "--verify", "--sha256", "--context", "1000");
        assertEquals(0, outcome.status, outcome.err);
        JsonNode node = JsonMapper.shared().readTree(outcome.out);
        assertEquals("glm-dsa", node.path("architecture").asString());
        assertTrue(node.path("verify").path("clean").asBoolean());
        assertEquals(1000, node.path("context").asInt());
        assertTrue(node.path("active_parameters_per_token").asLong()
                < node.path("parameters").asLong());
        assertEquals(64, node.path("sha256").get(BUNDLED).asString().length());
        Outcome text = run("inspect", BUNDLED);
        assertTrue(text.out.contains("token_embd.weight"), text.out);
    }

    @Test
    void inspectKeepsEscapeSequencesOffTheTerminal() {
        Path file = temp.resolve("hostile.gguf");
        new GgufWriter()
                .putString("general.architecture", "\u001b[2J")
                .putString("\u001b[31mkey", "\u0007\u202evalue")
                .addTensor("a\u001b[0m", BlockFormat.F32, new long[] {1}, (first, count, dst) -> dst[0] = 1)
                .write(file, WriteOptions.DEFAULTS);
        Outcome outcome = run("inspect", file.toString(), "--verify");
        assertEquals(0, outcome.status, outcome.err);
        assertTrue(outcome.out.contains("[31mkey"), outcome.out);
        assertTrue(outcome.out.lines().flatMapToInt(String::chars).noneMatch(Character::isISOControl), outcome.out);
    }

    @Test
    void logitsDumpConvertAndPerplexityWriteFiles() throws IOException {
        Path npy = temp.resolve("logits.npy");
        assertEquals(0, run("logits", "--model", GOLDEN, "--tokens", "1,2,3", "--out", npy.toString()).status);
        assertTrue(Files.readString(npy, StandardCharsets.ISO_8859_1).contains("'shape': (3, 251)"));
        Path dumped = temp.resolve("norm.npy");
        Outcome dump = run("dump", BUNDLED, "--tensor", "output_norm.weight", "--out", dumped.toString());
        assertEquals(0, dump.status, dump.err);
        Path gguf = temp.resolve("q8.gguf");
        Outcome convert = run("convert", GOLDEN, gguf.toString(), "--type", "q8_0", "--type-for", "attn_.*=F16");
        assertEquals(0, convert.status, convert.err);
        assertEquals(1, run("convert", GOLDEN, gguf.toString(), "--type", "q8_0").status, "no overwriting unasked");
        Path text = Files.writeString(temp.resolve("text"), "Once there was a fox. ".repeat(40));
        Path saved = temp.resolve("saved.npy");
        String[] measure = {"perplexity", "--model", BUNDLED, "--file", text.toString(), "--context", "32", "--json"};
        Outcome first = run(append(measure, "--save-logits", saved.toString()));
        assertEquals(0, first.status, first.err);
        JsonNode second = JsonMapper.shared().readTree(run(append(measure, "--compare-logits", saved.toString())).out);
        assertEquals(0, second.path("mean_kld").asDouble(), 1e-6);
        assertEquals(1, second.path("top1_agreement").asDouble());
    }

    @Test
    void cachesAreFp8UnlessExactnessIsWanted() throws IOException {
        Path plain = temp.resolve("plain.npy");
        Path exact = temp.resolve("exact.npy");
        Path coarse = temp.resolve("coarse.npy");
        String[] logits = {"logits", "--model", GOLDEN, "--tokens", "1,2,3,4,5,6,7,8", "--out"};
        assertEquals(0, run(append(logits, plain.toString())).status);
        assertEquals(0, run(append(logits, exact.toString(), "--kv", "f32")).status);
        assertEquals(0, run(append(logits, coarse.toString(), "--kv", "fp8")).status);
        assertEquals(-1, Files.mismatch(plain, exact));
        assertTrue(Files.mismatch(plain, coarse) > 0);
        String[] bench = {"bench", "--model", GOLDEN, "-p", "0", "-n", "1", "-r", "1", "-d", "64", "--json"};
        long byDefault = kvBytes(run(bench));
        assertEquals(kvBytes(run(append(bench, "--kv", "fp8"))), byDefault);
        assertTrue(kvBytes(run(append(bench, "--kv", "f32"))) > 2 * byDefault);
    }

    private static long kvBytes(Outcome bench) {
        assertEquals(0, bench.status, bench.err);
        return JsonMapper.shared().readTree(bench.out).get(0).path("kv_bytes").asLong();
    }

    @Test
    void aSavedSessionGoesOn() {
        String file = temp.resolve("session").toString();
        String[] run = {"run", "--model", GOLDEN, "--print-tokens", "--max-tokens", "5", "--tokens"};
        String first = run(append(run, "1,2,3", "--save", file)).out.strip();
        String both = "1,2,3," + first.replace(' ', ',') + ",4,5";
        Outcome second = run(append(run, "4,5", "--restore", file));
        assertEquals(run(append(run, both)).out, second.out, second.err);
        Outcome other = run("run", "--model", BUNDLED, "--prompt", "a", "--restore", file);
        assertEquals(1, other.status);
        assertTrue(other.err.contains("another model"), other.err);
        Outcome noPrompt = run("run", "--model", GOLDEN, "--restore", file);
        assertTrue(noPrompt.err.contains("needs a prompt"), noPrompt.err);
    }

    @Test
    void theCacheMayLieInAFile() throws IOException {
        Path file = temp.resolve("kv");
        String[] args = {"run", "--model", GOLDEN, "--tokens", "1,2,3", "--print-tokens", "--max-tokens", "9"};
        String expected = run(args).out;
        assertEquals(expected, run(append(args, "--kv-file", file.toString(), "--kv-bytes", "10M")).out);
        assertFalse(Files.exists(file));
        Outcome full = run(append(args, "--kv-file", file.toString(), "--kv-bytes", "10"));
        assertEquals(1, full.status);
        assertTrue(full.err.contains("cache is full"), full.err);
        assertFalse(Files.exists(file));
        Files.writeString(file, "mine");
        Outcome taken = run(append(args, "--kv-file", file.toString()));
        assertEquals(1, taken.status);
        assertTrue(taken.err.contains("not a cache file"), taken.err);
        assertEquals("mine", Files.readString(file));
    }

    private static String[] append(String[] args, String... more) {
        String[] all = java.util.Arrays.copyOf(args, args.length + more.length);
        System.arraycopy(more, 0, all, args.length, more.length);
        return all;
    }

    @ParameterizedTest
    @CsvSource({
        "run --model /no/such/model, 1, /no/such/model",
        "run --model GOLDEN --tokens 1;9999, 1, 9999",
        "run --model GOLDEN --tokens 1;x, 1, 'x'",
        "run --model GOLDEN --prompt hello, 1, tokenizer",
        "run --model GOLDEN --tokens 1;2;3 --context 2, 1, context of 2",
        "run --model GOLDEN --tokens 1 --temperature -1, 1, temperature",
        "run --model GOLDEN --tokens 1 --greedy --temperature 1, 1, exclude",
        "run --model GOLDEN --tokens 1 --threads 0, 1, threads",
        "run --prompt a --tokens 1, 2, mutually exclusive",
        "run --prompt-file /no/such/file, 1, /no/such/file",
        "logits --model GOLDEN --tokens 1 --out /no/such/folder/x.npy, 1, /no/such/folder",
        "dump GOLDEN --tensor nope --out x.npy, 1, nope",
        "convert GOLDEN out.gguf --type Q9, 1, Q9",
        "bench --synthetic nope, 1, nope",
        "bench --synthetic qwen3moe --type Q8_1, 1, IQ2_XS",
        "inspect, 2, PATH",
        "nonsense, 2, nonsense",
        "'', 2, verb"
    })
    void mistakesAreNamed(String line, int status, String named) {
        String[] args = line.isEmpty()
                ? new String[0]
                : line.replace("GOLDEN", GOLDEN).replace(';', ',').split(" ");
        System.setProperty("cadre.home", ROOT.toString());
        Outcome outcome = run(args);
        assertEquals(status, outcome.status, outcome.err);
        assertTrue(outcome.err.contains(named.replace("'", "")), outcome.err);
        assertFalse(outcome.err.contains("\tat "), "a stack trace without --verbose");
    }

    @Test
    void benchRowsHaveEveryField() {
        Outcome outcome = run(
                "bench", "--model", GOLDEN, "--kv", "fp8", "-p", "8", "-n", "2", "-d", "0,5000", "-r", "1", "--json");
        assertEquals(0, outcome.status, outcome.err);
        JsonNode rows = JsonMapper.shared().readTree(outcome.out);
        assertEquals(4, rows.size());
        String[] numbers = {
            "threads",
            "tokens_per_second",
            "min",
            "max",
            "seconds_per_token",
            "bytes_per_token",
            "kv_bytes",
            "bandwidth_fraction",
            "fma_fraction",
            "read_bandwidth_gb_s",
            "fma_g_s",
            "index_scan_share",
            "selection_share",
            "attention_share",
            "experts_share",
            "index_scan_fma_fraction"
        };
        for (JsonNode row : rows) {
            for (String name : numbers) {
                assertTrue(row.path(name).isNumber(), name + " in " + row);
            }
            assertTrue(row.path("kernels").isString(), row.toString());
            assertEquals(
                    1,
                    row.path("tokens_per_second").asDouble()
                            * row.path("seconds_per_token").asDouble(),
                    1e-9);
        }
        JsonNode last = rows.get(3);
        assertEquals("tg2", last.path("test").asString());
        assertEquals(5000, last.path("depth").asInt());
        assertTrue(last.path("kv_bytes").asLong() > 5000, last.toString());
        assertTrue(last.path("index_scan_share").asDouble() > 0, last.toString());
        // 7 of 8 rows have no logits: no output matrix, and in the last layer no router, shared or 8 routed experts
        double forLogits = 251 * 72 + 384 * 72 + 9 * 3 * (3 * 72);
        double saved = multiplyAdds(rows.get(1)) - multiplyAdds(rows.get(0));
        assertEquals(7.0 / 8 * forLogits, saved, 1e-6 * forLogits);
    }

    /** What one token's share of the multiply-add rate was computed from. */
    private static double multiplyAdds(JsonNode row) {
        return row.path("fma_fraction").asDouble()
                * row.path("fma_g_s").asDouble()
                * 1e9
                / row.path("tokens_per_second").asDouble();
    }

    @Test
    void verboseShowsTheStack() {
        Outcome outcome = run("run", "--verbose", "--model", "/no/such/model");
        assertEquals(1, outcome.status);
        assertTrue(outcome.err.contains("\tat "), outcome.err);
    }
}
