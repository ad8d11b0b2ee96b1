package dev.cadre.core;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** A float32 array in NumPy's format, version 1, C order. */
record Npy(int[] shape, float[] values) {
    static Npy read(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int headerLength = bytes.getShort(8);
        String header = new String(bytes.array(), 10, headerLength, StandardCharsets.ISO_8859_1);
        if (!header.contains("'<f4'") || header.contains("'fortran_order': True")) {
            throw new IOException(file + ": not a little-endian float32 array in C order: " + header);
        }
        String dims = header.substring(header.indexOf('(') + 1, header.indexOf(')'));
        int[] shape = Arrays.stream(dims.split(","))
                .map(String::strip)
                .filter(s -> !s.isEmpty())
                .mapToInt(Integer::parseInt)
                .toArray();
        int n = Arrays.stream(shape).reduce(1, Math::multiplyExact);
        float[] values = new float[n];
        bytes.position(10 + headerLength)
                .slice()
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer()
                .get(values);
        return new Npy(shape, values);
    }

    /** Row r of an array of two or more dimensions, flattened. */
    float[] row(int r) {
        int width = values.length / shape[0];
        return Arrays.copyOfRange(values, r * width, (r + 1) * width);
    }
}
