package dev.cadre.core;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reference outputs of Hugging Face transformers, made by docs/reference/make_golden_glm_dsa.py. */
record Golden(Path folder, int[] prompt, int[] greedy, Npy logits, JsonNode json) {
    static Golden of(String name) throws IOException {
        Path folder = resource("golden/" + name);
        JsonNode json = JsonMapper.builder()
                .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                .build()
                .readTree(Files.readAllBytes(folder.resolve("golden.json")));
        return new Golden(
                folder,
                ints(json.path("prompt")),
                ints(json.path("greedy")),
                Npy.read(folder.resolve("logits.npy")),
                json);
    }

    /** Options under which results are those of the reference: float32 caches. */
    static LoadOptions exact() {
        return LoadOptions.defaults().withCachePrecision(KvPrecision.F32);
    }

    static Path resource(String name) {
        try {
            return Path.of(Golden.class.getClassLoader().getResource(name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).asInt();
        }
        return values;
    }

    /** Names of the intermediates, such as {@code blk.0.attn_norm}. */
    List<String> stations() throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("stations"))) {
            return files.map(f -> f.getFileName().toString().replace(".npy", ""))
                    .toList();
        }
    }

    /** An intermediate [T, H]. */
    Npy station(String name) throws IOException {
        return Npy.read(folder.resolve("stations").resolve(name + ".npy"));
    }

    /** Standard deviation of the reference logits, the unit of the tolerance. */
    double logitsDeviation() {
        double sum = 0;
        double squares = 0;
        for (float v : logits.values()) {
            sum += v;
            squares += (double) v * v;
        }
        double mean = sum / logits.values().length;
        return Math.sqrt(squares / logits.values().length - mean * mean);
    }
}
