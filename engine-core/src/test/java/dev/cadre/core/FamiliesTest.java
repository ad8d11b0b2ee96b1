package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every family against transformers, from its Hugging Face folder and from a GGUF of the same values. */
class FamiliesTest {
    /** Largest difference of a logit, in standard deviations of all logits. */
    private static final double TOLERANCE = 1e-4;

    static Stream<Path> checkpoints() throws IOException {
        try (Stream<Path> folders = Files.list(Golden.resource("golden/families"))) {
            return folders
                    .sorted()
                    .flatMap(f -> Stream.of(f, f.resolve("model.gguf")))
                    .filter(Files::exists)
                    .toList()
                    .stream();
        }
    }

    /** Weights spread over several tensors; the reference has the dequantised values. */
    @ParameterizedTest
    @ValueSource(strings = {"fp8_tiles", "fp8_channels", "int4_groups", "mxfp4"})
    void storedInSeveralTensors(String name) throws IOException {
        Golden golden = Golden.of("stored/" + name);
        try (MoeModel model = MoeModel.load(golden.folder(), Golden.exact())) {
            assertLogits(golden, model, golden.prompt().length);
            assertLogits(golden, model, 1);
        }
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void logitsAndGreedyTokens(Path checkpoint) throws IOException {
        boolean gguf = checkpoint.toString().endsWith(".gguf");
        Path folder = gguf ? checkpoint.getParent() : checkpoint;
        Golden golden = Golden.of("families/" + folder.getFileName());
        try (MoeModel model = MoeModel.load(checkpoint, Golden.exact().withThreads(2))) {
            assertLogits(golden, model, golden.prompt().length);
            assertLogits(golden, model, 7);
            assertLogits(golden, model, 1);
            try (Session session = model.newSession()) {
                Completion completion = session.generate(
                                golden.prompt(), Sampling.greedy().withMaxTokens(golden.greedy().length))
                        .result();
                assertEquals(Arrays.stream(golden.greedy()).boxed().toList(), completion.tokens());
            }
        }
    }

    private static void assertLogits(Golden golden, MoeModel model, int tokensPerCall) {
        int vocabulary = model.info().vocabulary();
        int[] prompt = golden.prompt();
        double worst = 0;
        int at = -1;
        try (Session session = model.newSession()) {
            for (int from = 0; from < prompt.length; from += tokensPerCall) {
                int to = Math.min(prompt.length, from + tokensPerCall);
                float[] values =
                        session.forward(Arrays.copyOfRange(prompt, from, to)).values();
                for (int i = 0; i < values.length; i++) {
                    double difference = Math.abs(values[i] - golden.logits().values()[from * vocabulary + i]);
                    if (!(difference <= worst)) {
                        worst = difference;
                        at = from + i / vocabulary;
                    }
                }
            }
        }
        String where = "in calls of " + tokensPerCall + ": " + worst + " at position " + at + ", standard deviation "
                + golden.logitsDeviation();
        assertTrue(worst <= TOLERANCE * golden.logitsDeviation(), where);
    }
}
