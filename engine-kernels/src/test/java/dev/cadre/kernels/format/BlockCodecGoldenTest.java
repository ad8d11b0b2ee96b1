package dev.cadre.kernels.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Float bits of the gguf Python package over every bit pattern of the scales; {@code make_golden_formats.py} says how
 * the blocks are made. NaN counts as NaN whatever its payload.
 */
class BlockCodecGoldenTest {
    private static final int CHUNK = 1 << 10;
    private static final Map<BlockFormat, int[]> HALVES = new EnumMap<>(BlockFormat.class);

    static {
        for (BlockFormat format : BlockFormat.values()) {
            HALVES.put(
                    format,
                    switch (format) {
                        case Q4_1, Q5_1, Q4_K, Q5_K -> new int[] {0, 2};
                        case Q2_K -> new int[] {80, 82};
                        case Q3_K -> new int[] {108};
                        case Q6_K -> new int[] {208};
                        case TQ1_0 -> new int[] {52};
                        case TQ2_0 -> new int[] {64};
                        case IQ1_M, MXFP4, NVFP4 -> new int[0];
                        default -> new int[] {0};
                    });
        }
    }

    private static Stream<String> lines(boolean raw) throws IOException {
        try (InputStream in = BlockCodecGoldenTest.class.getResourceAsStream("golden_blocks.txt")) {
            return new String(in.readAllBytes(), StandardCharsets.US_ASCII)
                    .lines()
                    .filter(line -> line.startsWith("raw ") == raw);
        }
    }

    static Stream<String> goldenLines() throws IOException {
        return lines(false);
    }

    static Stream<String> rawLines() throws IOException {
        return lines(true);
    }

    /** Also the payloads of NaN, which other processors treat otherwise. */
    @ParameterizedTest
    @MethodSource("rawLines")
    @EnabledIfSystemProperty(named = "os.arch", matches = "amd64")
    void decodesTheRawBitsOfTheReference(String line) {
        String[] fields = line.split(" ");
        BlockFormat format = BlockFormat.valueOf(fields[1]);
        CRC32 crc = new CRC32();
        for (int chunk = 0; chunk < 64; chunk++) {
            float[] values = decode(format, blocks(format, chunk * CHUNK), CHUNK);
            ByteBuffer bits = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
            for (float value : values) {
                bits.putInt(Float.floatToRawIntBits(value));
            }
            crc.update(bits.flip());
        }
        assertEquals(fields[2], String.format("%08x", crc.getValue()), format.toString());
    }

    @ParameterizedTest
    @MethodSource("goldenLines")
    void decodesTheBitsOfTheReference(String line) {
        String[] fields = line.split(" ");
        BlockFormat format = BlockFormat.valueOf(fields[0]);
        if (fields.length == 2) {
            byte[] every = new byte[256];
            for (int i = 0; i < 256; i++) {
                every[i] = (byte) i;
            }
            assertEquals(fields[1], checksum(format, every, 256), format + ", all bytes");
            return;
        }
        assertEquals(65, fields.length);
        for (int chunk = 0; chunk < 64; chunk++) {
            byte[] blocks = blocks(format, chunk * CHUNK);
            assertEquals(
                    fields[chunk + 1],
                    checksum(format, blocks, CHUNK),
                    format + ", blocks from " + chunk * CHUNK + " on");
        }
    }

    @Test
    void everyFormatIsCoveredHereOrByValue() throws IOException {
        Set<BlockFormat> missing = EnumSet.allOf(BlockFormat.class);
        goldenLines().forEach(line -> missing.remove(BlockFormat.valueOf(line.split(" ")[0])));
        missing.removeAll(PlainValuesTest.COVERED);
        assertTrue(missing.isEmpty(), missing + " have no test of their values");
    }

    @Test
    void aChangedBitChangesTheChecksum() {
        byte[] blocks = blocks(BlockFormat.IQ3_S, 0x3c00);
        String before = checksum(BlockFormat.IQ3_S, blocks, CHUNK);
        blocks[110 * 1023 + 74] ^= 1;
        assertFalse(before.equals(checksum(BlockFormat.IQ3_S, blocks, CHUNK)));
    }

    private static float[] decode(BlockFormat format, byte[] blocks, int count) {
        float[] values = new float[count * format.blockElements()];
        BlockCodec.of(format).decode(MemorySegment.ofArray(blocks), 0, values, 0, values.length);
        return values;
    }

    private static String checksum(BlockFormat format, byte[] blocks, int count) {
        float[] values = decode(format, blocks, count);
        ByteBuffer bits = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            bits.putInt(Float.floatToIntBits(value));
        }
        CRC32 crc = new CRC32();
        crc.update(bits.flip());
        return String.format("%08x", crc.getValue());
    }

    private static byte[] blocks(BlockFormat format, int first) {
        int size = format.blockBytes();
        byte[] data = new byte[CHUNK * size];
        MemorySegment segment = MemorySegment.ofArray(data);
        long word = (long) first * size / 8;
        for (int at = 0; at < data.length; at += 8) {
            segment.set(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), at, mix(++word));
        }
        for (int i = 0; i < CHUNK; i++) {
            setScales(format, segment.asSlice((long) i * size, size), first + i);
        }
        return data;
    }

    private static void setScales(BlockFormat format, MemorySegment block, int n) {
        int[] halves = HALVES.get(format);
        for (int i = 0; i < halves.length; i++) {
            block.set(Bytes.SHORT, halves[i], (short) (n * (2 * i + 1)));
        }
        switch (format) {
            case IQ1_M -> {
                for (int k = 0; k < 4; k++) {
                    int low = Bytes.u8(block, 49 + 2 * k) & 15;
                    block.set(ValueLayout.JAVA_BYTE, 49 + 2 * k, (byte) (low | (n >> 4 * k & 15) << 4));
                }
            }
            case MXFP4 -> block.set(ValueLayout.JAVA_BYTE, 0, (byte) n);
            case NVFP4 -> {
                List<Integer> scales = List.of(n, n >> 8, n + 77, n >> 8 ^ 255);
                for (int i = 0; i < 4; i++) {
                    block.set(ValueLayout.JAVA_BYTE, i, scales.get(i).byteValue());
                }
            }
            default -> {}
        }
    }

    static long mix(long number) {
        long z = number * 0x9E3779B97F4A7C15L;
        z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return z ^ z >>> 31;
    }
}
