package dev.cadre.kernels.format;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;

/**
 * The codebooks of the IQ types: a block stores the numbers of entries, an entry is a run of 4 or 8 small values.
 *
 * <p>The tables are data of the ggml format; {@code docs/reference/make_codebooks.py} wrote the resource.
 */
public final class Codebooks {
    private static final Map<String, byte[]> TABLES = load();

    private Codebooks() {}

    /**
     * The entries of a type's codebook one after the other: entry i is {@code width} values from {@code i * width} on,
     * where the width is 4 for IQ3 types and 8 for the others. IQ1_M shares the codebook of IQ1_S.
     *
     * @return a fresh array
     * @throws IllegalArgumentException if the type has no codebook
     */
    public static byte[] of(BlockFormat format) {
        byte[] table = TABLES.get(format == BlockFormat.IQ1_M ? "IQ1_S" : format.name());
        if (table == null) {
            throw new IllegalArgumentException(format + " has no codebook");
        }
        return table.clone();
    }

    /**
     * The eight sign bits that a 7-bit sign number stands for: bit j set makes element j negative. The eighth is the
     * parity of the others, so the number of negative elements is always even.
     */
    public static int signs(int number) {
        return number & 0x7f | (Integer.bitCount(number & 0x7f) & 1) << 7;
    }

    private static Map<String, byte[]> load() {
        Map<String, byte[]> tables = new HashMap<>();
        try (InputStream in = Codebooks.class.getResourceAsStream("codebooks.txt")) {
            if (in == null) {
                throw new IllegalStateException("the resource codebooks.txt is missing from the jar");
            }
            for (String line : new String(in.readAllBytes(), StandardCharsets.US_ASCII).split("\n")) {
                String[] fields = line.split(" ");
                tables.put(
                        fields[0], unpack(fields[2].split(","), HexFormat.of().parseHex(fields[3])));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return tables;
    }

    private static byte[] unpack(String[] values, byte[] packed) {
        int bits = values.length <= 4 ? 2 : 4;
        int perByte = 8 / bits;
        byte[] table = new byte[packed.length * perByte];
        for (int i = 0; i < table.length; i++) {
            int index = packed[i / perByte] >> bits * (i % perByte) & (1 << bits) - 1;
            table[i] = Byte.parseByte(values[index]);
        }
        return table;
    }
}
