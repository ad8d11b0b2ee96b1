package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The forward pass against Hugging Face transformers, with float32 weights and cache. */
class GoldenTest {
    /** Largest difference of a logit, in standard deviations of all logits. */
    private static final double TOLERANCE = 1e-4;

    private static final String[] SHAPES = {"full", "mixed", "grouped"};

    static Stream<Path> checkpoints() {
        Stream<Path> folders = Stream.of(SHAPES).map(name -> Golden.resource("golden/" + name));
        return Stream.concat(folders, Stream.of(Golden.resource("golden/mixed/model.gguf")));
    }

    private static Golden goldenOf(Path checkpoint) throws IOException {
        Path folder = checkpoint.toString().endsWith(".gguf") ? checkpoint.getParent() : checkpoint;
        return Golden.of(folder.getFileName().toString());
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void logitsOfAllPositionsFedWhole(Path checkpoint) throws IOException {
        assertLogits(checkpoint, Integer.MAX_VALUE, 512);
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void logitsOfAllPositionsFedInChunks(Path checkpoint) throws IOException {
        assertLogits(checkpoint, Integer.MAX_VALUE, 7);
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void logitsOfAllPositionsFedTokenByToken(Path checkpoint) throws IOException {
        assertLogits(checkpoint, 1, 512);
    }

    private static void assertLogits(Path checkpoint, int tokensPerCall, int prefillChunk) throws IOException {
        Golden golden = goldenOf(checkpoint);
        LoadOptions options = Golden.exact().withThreads(2).withPrefillChunk(prefillChunk);
        try (MoeModel model = MoeModel.load(checkpoint, options);
                Session session = model.newSession()) {
            int vocabulary = model.info().vocabulary();
            double worst = 0;
            int[] prompt = golden.prompt();
            for (int from = 0; from < prompt.length; from += tokensPerCall) {
                int to = (int) Math.min(prompt.length, (long) from + tokensPerCall);
                Logits logits = session.forward(Arrays.copyOfRange(prompt, from, to));
                for (int i = 0; i < (to - from) * vocabulary; i++) {
                    double reference = golden.logits().values()[from * vocabulary + i];
                    worst = Math.max(worst, Math.abs(logits.values()[i] - reference));
                }
                if (to == prompt.length) {
                    break;
                }
            }
            assertTrue(
                    worst <= TOLERANCE * golden.logitsDeviation(),
                    () -> checkpoint + ": " + divergence(golden, checkpoint));
        }
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void intermediates(Path checkpoint) throws IOException {
        Golden golden = goldenOf(checkpoint);
        assertEquals("none", firstDivergence(golden, checkpoint));
    }

    /** The first station whose values part from the reference, or "none". */
    private static String divergence(Golden golden, Path checkpoint) {
        try {
            return "first diverging station: " + firstDivergence(golden, checkpoint);
        } catch (IOException e) {
            return "no reference stations: " + e.getMessage();
        }
    }

    private static String firstDivergence(Golden golden, Path checkpoint) throws IOException {
        Map<String, Npy> references = new HashMap<>();
        List<String> diverging = new ArrayList<>();
        List<String> compared = new ArrayList<>();
        try (MoeModel model = MoeModel.load(checkpoint, Golden.exact().withThreads(1));
                Session session = model.newSession()) {
            for (String name : golden.stations()) {
                references.put(name, golden.station(name));
            }
            session.trace((station, layer, data, rows, width) -> {
                String name = referenceName(station, layer);
                if (references.containsKey(name)) {
                    compared.add(name);
                    float[] reference = references.get(name).values();
                    double scale = 0;
                    double worst = 0;
                    for (int i = 0; i < rows * width; i++) {
                        scale = Math.max(scale, Math.abs(reference[i]));
                        worst = Math.max(worst, Math.abs(data[i] - reference[i]));
                    }
                    if (!(worst <= TOLERANCE * scale)) {
                        diverging.add(name + " by " + worst + " of " + scale);
                    }
                }
            });
            session.forward(golden.prompt());
        }
        assertTrue(compared.size() >= references.size() - 1, "stations compared: " + compared);
        return diverging.isEmpty() ? "none" : diverging.getFirst();
    }

    private static String referenceName(String station, int layer) {
        return switch (station) {
            case "embedding" -> "embed";
            case "ffn_inp" -> "blk." + layer + ".attn_residual";
            case "l_out" -> "blk." + layer + ".hidden";
            default -> "blk." + layer + "." + station;
        };
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void greedyContinuation(Path checkpoint) throws IOException {
        Golden golden = goldenOf(checkpoint);
        try (MoeModel model = MoeModel.load(checkpoint, Golden.exact());
                Session session = model.newSession()) {
            List<Integer> ids = new ArrayList<>();
            Sampling greedy = Sampling.greedy().withMaxTokens(golden.greedy().length);
            for (Token token : session.generate(golden.prompt(), greedy)) {
                ids.add(token.id());
            }
            assertEquals(Arrays.stream(golden.greedy()).boxed().toList(), ids);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"full", "mixed", "grouped"})
    void sameBitsForAnyNumberOfThreads(String name) throws IOException {
        Golden golden = Golden.of(name);
        float[] expected = null;
        for (int threads : new int[] {1, 2, 3, 7}) {
            try (MoeModel model = MoeModel.load(golden.folder(), Golden.exact().withThreads(threads));
                    Session session = model.newSession()) {
                float[] values = session.forward(golden.prompt()).values();
                expected = expected == null ? values : expected;
                assertArrayEquals(expected, values, 0f);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"full", "mixed", "grouped"})
    void sameBitsForAnyChunkSize(String name) throws IOException {
        Golden golden = Golden.of(name);
        float[] expected = null;
        for (int chunk : new int[] {512, 1, 5, 64}) {
            try (MoeModel model = MoeModel.load(golden.folder(), Golden.exact().withPrefillChunk(chunk));
                    Session session = model.newSession()) {
                float[] values = session.forward(golden.prompt()).values();
                expected = expected == null ? values : expected;
                assertArrayEquals(expected, values, 0f);
            }
        }
    }
}
