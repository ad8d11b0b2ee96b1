package dev.cadre.weights;

import dev.cadre.kernels.format.BlockFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Small files for tests. */
final class TestFiles {
    private TestFiles() {}

    static Path write(Path file, byte[] bytes) {
        try {
            Files.createDirectories(file.getParent());
            return Files.write(file, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Path write(Path file, String text) {
        return write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    /** A safetensors file of this header and as many zeros of data. */
    static byte[] safetensors(String header, int dataBytes) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + json.length + dataBytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length)
                .put(json)
                .array();
    }

    /** A folder with an empty config and one file of zeros; for each tensor a name and "TYPE dim,dim". */
    static void safetensorsFolder(Path folder, String... namesAndTypes) {
        StringBuilder header = new StringBuilder();
        int end = 0;
        for (int i = 0; i < namesAndTypes.length; i += 2) {
            String[] type = namesAndTypes[i + 1].split(" ");
            int bytes = BlockFormat.valueOf(type[0]).blockBytes();
            for (String dimension : type[1].split(",")) {
                bytes *= Integer.parseInt(dimension);
            }
            header.append(i == 0 ? "{" : ",").append(entry(namesAndTypes[i], type[0], type[1], end, end + bytes));
            end += bytes;
        }
        write(folder.resolve("config.json"), "{}");
        write(folder.resolve("model.safetensors"), safetensors(header + "}", end));
    }

    static String entry(String name, String dtype, String shape, Object begin, Object end) {
        return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + shape + "],\"data_offsets\":[" + begin
                + "," + end + "]}";
    }
}
