package dev.cadre.kernels.format;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Encoders against the bytes of the gguf package and the errors of ggml's quantiser; see make_golden_encoders.py. */
class BlockEncoderTest {
    private static final Set<BlockFormat> SUPPORTED = EnumSet.of(
            BlockFormat.F32,
            BlockFormat.F16,
            BlockFormat.BF16,
            BlockFormat.Q8_0,
            BlockFormat.Q4_0,
            BlockFormat.Q4_1,
            BlockFormat.Q5_0,
            BlockFormat.Q5_1,
            BlockFormat.Q2_K,
            BlockFormat.Q3_K,
            BlockFormat.Q4_K,
            BlockFormat.Q5_K,
            BlockFormat.Q6_K,
            BlockFormat.IQ4_NL,
            BlockFormat.IQ4_XS,
            BlockFormat.MXFP4);

    private static final float[] DATA = data(1 << 20);

    private static float[] data(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            int sum = 0;
            for (long word = 4L * i + 1; word <= 4L * i + 4; word++) {
                long bits = BlockCodecGoldenTest.mix(word);
                sum += (int) ((bits & 0xffff) + (bits >>> 16 & 0xffff) + (bits >>> 32 & 0xffff) + (bits >>> 48));
            }
            values[i] = (sum - 524280) * 0x1p-18f;
        }
        return values;
    }

    static Stream<String> golden(String kind) throws IOException {
        try (InputStream in = BlockEncoderTest.class.getResourceAsStream("golden_encoders.txt")) {
            List<String> lines = new String(in.readAllBytes(), StandardCharsets.US_ASCII)
                    .lines()
                    .toList();
            return lines.stream().filter(line -> line.startsWith(kind));
        }
    }

    static Stream<String> goldenBytes() throws IOException {
        return golden("bytes");
    }

    static Stream<String> goldenErrors() throws IOException {
        return golden("error");
    }

    private static byte[] encode(BlockFormat format, float[] values, int count) {
        byte[] bytes = new byte[(int) format.bytes(count)];
        BlockEncoder.of(format).encode(values, 0, count, MemorySegment.ofArray(bytes), 0);
        return bytes;
    }

    private static float[] decode(BlockFormat format, byte[] bytes, int count) {
        float[] values = new float[count];
        BlockCodec.of(format).decode(MemorySegment.ofArray(bytes), 0, values, 0, count);
        return values;
    }

    @ParameterizedTest
    @MethodSource("goldenBytes")
    void writesTheBytesOfTheReference(String line) {
        String[] fields = line.split(" ");
        CRC32 crc = new CRC32();
        crc.update(encode(BlockFormat.valueOf(fields[1]), DATA, 1 << 16));
        assertEquals(fields[2], String.format("%08x", crc.getValue()));
    }

    @ParameterizedTest
    @MethodSource("goldenErrors")
    void errsAsLittleAsGgml(String line) {
        String[] fields = line.split(" ");
        BlockFormat format = BlockFormat.valueOf(fields[1]);
        float[] decoded = decode(format, encode(format, DATA, DATA.length), DATA.length);
        double error = 0;
        double square = 0;
        for (int i = 0; i < DATA.length; i++) {
            double difference = (double) decoded[i] - DATA[i];
            error += difference * difference;
            square += (double) DATA[i] * DATA[i];
        }
        double ratio = error / square / Double.parseDouble(fields[2]);
        assertTrue(ratio < 1.02, format + ": squared error is " + ratio + " of ggml's");
        assertTrue(ratio > 0.5, format + ": squared error is " + ratio + " of ggml's, too good to be true");
    }

    @Test
    void theseTypesCanBeWritten() {
        for (BlockFormat format : BlockFormat.values()) {
            assertEquals(SUPPORTED.contains(format), BlockEncoder.supports(format), format.toString());
            if (!SUPPORTED.contains(format)) {
                UnsupportedOperationException error =
                        assertThrows(UnsupportedOperationException.class, () -> BlockEncoder.of(format));
                assertTrue(error.getMessage().contains(format.toString()));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void awkwardBlocks(BlockFormat format) {
        if (!BlockEncoder.supports(format)) {
            return;
        }
        int n = Math.max(32, format.blockElements());
        float[] zeros = new float[n];
        assertArrayEquals(zeros, decode(format, encode(format, zeros, n), n), 0f);
        float[] tiny = new float[n];
        Arrays.fill(tiny, Float.MIN_VALUE);
        for (float value : decode(format, encode(format, tiny, n), n)) {
            assertTrue(Math.abs(value) < 1e-30f, format + " makes " + value + " of a subnormal");
        }
        float[] one = new float[n];
        one[n - 1] = -3;
        float[] decoded = decode(format, encode(format, one, n), n);
        assertEquals(-3, decoded[n - 1], 0.2, format + ", a lone value");
        assertEquals(0, decoded[0], 0.03, format + ", beside a lone value");
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.MAX_VALUE, -Float.MAX_VALUE}) {
            float[] values = new float[n];
            Arrays.fill(values, bad);
            encode(format, values, n); // ends
        }
    }

    @ParameterizedTest
    @EnumSource
    void positiveDataKeepsItsMean(BlockFormat format) {
        if (!BlockEncoder.supports(format)) {
            return;
        }
        float[] values = new float[256];
        double mean = 0;
        for (int i = 0; i < 256; i++) {
            values[i] = 5 + DATA[i];
            mean += values[i] / 256;
        }
        double decodedMean = 0;
        for (float value : decode(format, encode(format, values, 256), 256)) {
            decodedMean += value / 256;
        }
        // a 2-bit block has levels 5/3 apart from 0 on
        assertEquals(mean, decodedMean, 0.3, format.toString());
    }
}
