package dev.cadre.weights.fuzz;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Runs every committed seed and every input that once failed, and some random edits, without Jazzer. */
class SeedCorpusTest {
    private static final int RANDOM_INPUTS = 3000;

    @Test
    void gguf() throws IOException, URISyntaxException {
        run("gguf", GgufFuzz::fuzzerTestOneInput);
    }

    @Test
    void safetensors() throws IOException, URISyntaxException {
        run("safetensors", SafetensorsFuzz::fuzzerTestOneInput);
    }

    @Test
    void config() throws IOException, URISyntaxException {
        run("config", ConfigFuzz::fuzzerTestOneInput);
    }

    private static void run(String corpus, Consumer<byte[]> target) throws IOException, URISyntaxException {
        List<Path> seeds;
        try (Stream<Path> files = Files.list(
                Path.of(SeedCorpusTest.class.getResource("/fuzz/" + corpus).toURI()))) {
            seeds = files.sorted().toList();
        }
        assertTrue(seeds.size() >= 5, seeds.size() + " seeds");
        Random random = new Random(Long.getLong("cadre.seed", 8));
        for (Path seed : seeds) {
            byte[] bytes = Files.readAllBytes(seed);
            assertTrue(bytes.length <= 4096, seed + " is larger than 4 KiB");
            target.accept(bytes);
            for (int i = 0; i < RANDOM_INPUTS / seeds.size(); i++) {
                byte[] edited = bytes.clone();
                for (int n = random.nextInt(4); n >= 0 && edited.length > 0; n--) {
                    edited[random.nextInt(edited.length)] = (byte) random.nextInt();
                }
                target.accept(edited);
            }
        }
    }
}
