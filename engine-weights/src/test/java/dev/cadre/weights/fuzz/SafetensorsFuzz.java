package dev.cadre.weights.fuzz;

import dev.cadre.weights.safetensors.SafetensorsHeaders;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** safetensors headers: a header's JSON (the input starts with a brace), or edits of a good file. */
public final class SafetensorsFuzz {
    private static final byte[] GOLDEN = Seeds.resource("/golden/safetensors-single/model.safetensors");
    private static final int DATA_BYTES = 64;

    private SafetensorsFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        if (data.length == 0 || data[0] != '{') {
            SafetensorsHeaders.readAll(new InputScript(data).apply(GOLDEN));
            return;
        }
        byte[] file = ByteBuffer.allocate(8 + data.length + DATA_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(data.length)
                .put(data)
                .array();
        SafetensorsHeaders.readAll(file);
        SafetensorsHeaders.readAll(Arrays.copyOf(file, 8 + data.length));
    }
}
