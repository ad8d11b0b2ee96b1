package dev.cadre.core.tokenizer;

import java.nio.file.Path;

/** {@code tokenizer.json}: any document, then a text through what it describes. */
public final class TokenizerFuzz {
    private static final Path NAME = Path.of("tokenizer.json");

    private TokenizerFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        FuzzedText.run(data, json -> TokenizerJson.read(NAME, json));
    }
}
