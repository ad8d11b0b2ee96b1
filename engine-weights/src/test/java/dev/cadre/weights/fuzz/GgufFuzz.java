package dev.cadre.weights.fuzz;

import dev.cadre.weights.gguf.GgufHeaders;

/** GGUF headers: whole files (they start with the magic), or edits of a file with every value and tensor type. */
public final class GgufFuzz {
    private static final byte[] GOLDEN = Seeds.resource("/golden/gguf-types/model.gguf");

    private GgufFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        boolean whole = data.length >= 4 && data[0] == 'G' && data[1] == 'G' && data[2] == 'U' && data[3] == 'F';
        GgufHeaders.readAll(whole ? data : new InputScript(data).apply(GOLDEN));
    }
}
