package dev.cadre.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.kernels.format.BlockCodec;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.kernels.format.E4m3;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The Vector-API kernels against their scalar twins. The build runs it at 128, 256 and the widest number of bits.
 *
 * <p>Decoding must agree bit for bit. Sums have another order, so they may differ by rounding: at most
 * {@code K · 2^-24} of the sum of the absolute products.
 */
class KernelDuelTest {
    private static final Kernels SCALAR = Kernels.scalar();
    private static Kernels vector;

    @BeforeAll
    static void requireVectorKernels() {
        String required = System.getProperty("cadre.test.requireKernels", "any");
        assertTrue(
                Kernels.vectorModulePresent() || !required.equals("vector"),
                "the Vector API was not found, but the build requires it (cadre.test.requireKernels)");
        vector = Kernels.vector();
        assertEquals("vector" + Lanes.BITS, vector.name());
    }

    static Stream<BlockFormat> decodable() {
        return Stream.of(BlockFormat.values()).filter(KernelDuelTest::canDecode);
    }

    private static boolean canDecode(BlockFormat format) {
        try {
            BlockCodec.of(format);
            return true;
        } catch (UnsupportedOperationException e) {
            return false;
        }
    }

    /** Random bytes: every bit pattern of scales and values, NaN and infinity among them. */
    static MemorySegment randomBlocks(Arena arena, BlockFormat format, long elements, Random random) {
        byte[] bytes = new byte[(int) format.bytes(elements)];
        random.nextBytes(bytes);
        MemorySegment segment = arena.allocate(bytes.length, 64);
        MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return segment;
    }

    @ParameterizedTest
    @MethodSource("decodable")
    void decodingAgreesBitForBit(BlockFormat format) {
        Random random = TestSeed.random(1);
        try (Arena arena = Arena.ofConfined()) {
            for (int blocks : new int[] {1, 2, 3, 7, 24, 300}) {
                int n = blocks * format.blockElements();
                MemorySegment data = randomBlocks(arena, format, n, random);
                float[] expected = new float[n + 2];
                float[] actual = new float[n + 2];
                BlockCodec.of(format).decode(data, 0, expected, 1, n);
                VectorDecoders.decode(format, data, 0, actual, 1, n, new Workspace());
                for (int i = 0; i < n + 2; i++) {
                    int want = Float.floatToIntBits(expected[i]); // one pattern for every NaN
                    int got = Float.floatToIntBits(actual[i]);
                    int at = i;
                    assertEquals(want, got, () -> format + " element " + at + " of " + n);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("decodable")
    void productsAgree(BlockFormat format) {
        Random random = TestSeed.random(2);
        int block = format.blockElements();
        int[] columns = block == 1 ? new int[] {1, 3, 20, 72, 1408, 4099} : new int[] {block, 3 * block, 4352};
        try (Arena arena = Arena.ofConfined()) {
            for (int k : columns) {
                for (int rows : new int[] {1, 3, 16, 37}) {
                    MemorySegment data = finiteBlocks(arena, format, (long) rows * k, random);
                    Matrix w = Matrix.of(format, rows, k, data);
                    for (int tokens : new int[] {1, 2, 3, 4, 7, 131}) {
                        if (tokens > 8 && (k > 1500 || rows > 16)) {
                            continue; // large in one direction is enough
                        }
                        assertProducts(w, tokens, random);
                    }
                }
            }
        }
    }

    /** Random blocks whose values are finite and not huge, so that sums can be compared. */
    static MemorySegment finiteBlocks(Arena arena, BlockFormat format, long elements, Random random) {
        float[] values = new float[format.blockElements()];
        MemorySegment all = arena.allocate(format.bytes(elements), 64);
        for (long at = 0; at < all.byteSize(); at += format.blockBytes()) {
            MemorySegment one;
            do {
                one = randomBlocks(arena, format, values.length, random);
                BlockCodec.of(format).decode(one, 0, values, 0, values.length);
            } while (!allSmall(values));
            MemorySegment.copy(one, 0, all, at, format.blockBytes());
        }
        return all;
    }

    private static boolean allSmall(float[] values) {
        for (float v : values) {
            if (!(Math.abs(v) < 1e20f)) {
                return false;
            }
        }
        return true;
    }

    static void assertProducts(Matrix w, int tokens, Random random) {
        int k = w.columns();
        int n = (int) w.rows();
        float[] x = new float[tokens * (k + 5)];
        int[] xAt = new int[tokens];
        int[] yAt = new int[tokens];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextGaussian();
        }
        for (int t = 0; t < tokens; t++) {
            xAt[t] = (tokens - 1 - t) * (k + 5);
            yAt[t] = t * (n + 3);
        }
        float[] expected = new float[tokens * (n + 3)];
        float[] actual = new float[tokens * (n + 3)];
        SCALAR.matrices().multiply(w, 0, n, x, xAt, tokens, expected, yAt, new Workspace());
        Workspace workspace = new Workspace();
        int half = n / 2;
        vector.matrices().multiply(w, 0, half, x, xAt, tokens, actual, yAt, workspace);
        vector.matrices().multiply(w, half, n - half, x, xAt, tokens, actual, yAt, workspace);
        float[] row = new float[k];
        for (int r = 0; r < n; r++) {
            SCALAR.matrices().decodeRow(w, r, row, 0, new Workspace());
            for (int t = 0; t < tokens; t++) {
                double magnitude = 0;
                for (int i = 0; i < k; i++) {
                    magnitude += Math.abs((double) row[i] * x[xAt[t] + i]);
                }
                String where = w + " row " + r + " token " + t + " of " + tokens + ", seed " + TestSeed.SEED;
                assertEquals(expected[yAt[t] + r], actual[yAt[t] + r], (k + 2) * 0x1p-24 * magnitude + 1e-37, where);
            }
        }
    }

    /**
     * One token alone goes another way than many, rows of up to 768 columns another than wider ones, those of more than
     * 2,048 a third, and those of more than 5 KiB a fourth: all must get the same bits.
     */
    @ParameterizedTest
    @MethodSource("decodable")
    void anOutputDoesNotDependOnItsNeighbours(BlockFormat format) {
        for (int k : new int[] {768, 1280, 2304, 5376}) {
            anOutputDoesNotDependOnItsNeighbours(format, k);
        }
    }

    private static void anOutputDoesNotDependOnItsNeighbours(BlockFormat format, int k) {
        Random random = TestSeed.random(3);
        int rows = 53;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = finiteBlocks(arena, format, (long) rows * k, random);
            Matrix.Scales scales =
                    RowKernels.takesPairs(format) ? rowScales(BlockFormat.BF16, rows, k, 64, random) : null;
            assertOutputsDoNotDependOnNeighbours(Matrix.of(format, rows, k, data, scales), 9, random);
        }
    }

    /**
     * Compares 133 tokens with some of them alone and a few together.
     *
     * @param some rows of which a token is multiplied with all as well, so many at a time
     */
    static void assertOutputsDoNotDependOnNeighbours(Matrix w, int some, Random random) {
        int tokens = 133;
        int rows = (int) w.rows();
        int k = w.columns();
        float[] x = gaussians(tokens * k, random);
        int[] xAt = new int[tokens];
        int[] yAt = new int[tokens];
        for (int t = 0; t < tokens; t++) {
            xAt[t] = t * k;
            yAt[t] = t * rows;
        }
        float[] together = new float[tokens * rows];
        vector.matrices().multiply(w, 0, rows, x, xAt, tokens, together, yAt, new Workspace());
        float[] alone = new float[rows];
        Workspace workspace = new Workspace();
        for (int t = 0; t < tokens; t += 12) {
            int[] from = {xAt[t]};
            int[] to = {0};
            for (int r = 0; r < rows; r += some) {
                vector.matrices().multiply(w, r, Math.min(some, rows - r), x, from, 1, alone, to, workspace);
            }
            assertArrayEquals(Arrays.copyOfRange(together, yAt[t], yAt[t] + rows), alone, 0f, w.toString());
            vector.matrices().multiply(w, 0, rows, x, from, 1, alone, to, workspace);
            assertArrayEquals(Arrays.copyOfRange(together, yAt[t], yAt[t] + rows), alone, 0f, w.toString());
        }
        for (int few = 2; few <= 5; few++) {
            int[] from = Arrays.copyOfRange(xAt, 40, 40 + few);
            float[] apart = new float[few * rows];
            vector.matrices().multiply(w, 0, rows, x, from, few, apart, yAt, workspace);
            float[] expected = Arrays.copyOfRange(together, yAt[40], yAt[40 + few]);
            assertArrayEquals(expected, apart, 0f, few + " tokens, " + w);
        }
    }

    /** Rows without NaN go another way than those with one. */
    @Test
    void anE4m3NanStaysInItsRow() {
        int k = 2112;
        try (Arena arena = Arena.ofConfined()) {
            for (int place : new int[] {0, 63, 700, k - 1}) {
                MemorySegment data = arena.allocate(3L * k);
                data.fill((byte) 0xb9); // -1.125
                data.set(ValueLayout.JAVA_BYTE, k + place, (byte) (place % 2 == 0 ? 0x7f : 0xff));
                Matrix w = Matrix.of(BlockFormat.F8_E4M3, 3, k, data);
                float[] x = new float[k];
                Arrays.fill(x, 0.5f);
                float[] y = new float[3];
                vector.matrices().multiply(w, 0, 3, x, new int[1], 1, y, new int[1], new Workspace());
                assertArrayEquals(new float[] {-0.5625f * k, Float.NaN, -0.5625f * k}, y, 0f);
            }
        }
    }

    /** Weights that are no numbers: infinity counts as NaN, and both stay in their rows. */
    @ParameterizedTest
    @ValueSource(ints = {1, 5})
    void whatIsNotFiniteInF16StaysInItsRow(int tokens) {
        int k = 192;
        short one = Float.floatToFloat16(1f);
        try (Arena arena = Arena.ofConfined()) {
            for (float odd : new float[] {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN}) {
                short[] stored = new short[3 * k];
                Arrays.fill(stored, one);
                stored[k + 70] = Float.floatToFloat16(odd);
                Matrix w = Matrix.of(BlockFormat.F16, 3, k, arena.allocateFrom(ValueLayout.JAVA_SHORT, stored));
                float[] x = new float[k];
                Arrays.fill(x, 0.5f);
                float[] y = new float[3];
                int[] places = new int[tokens]; // the same row for all
                vector.matrices().multiply(w, 0, 3, x, places, tokens, y, places, new Workspace());
                assertArrayEquals(new float[] {0.5f * k, Float.NaN, 0.5f * k}, y, 0f);
            }
        }
    }

    /** E4M3 rows go one way if they are scaled to the format's range, another one if not. */
    @ParameterizedTest
    @ValueSource(floats = {100f, 1f, 0.01f})
    void e4m3ProductsDoNotDependOnTheirWay(float deviation) {
        Random random = TestSeed.random(7);
        int rows = 40;
        for (int k : new int[] {192, 768, 2304, 5376}) {
            float[] factors = gaussians(k / 64, random);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment data = e4m3Codes(arena, rows * k, deviation, random);
                data.set(ValueLayout.JAVA_BYTE, 7 * k + k / 2, (byte) 0x7f); // NaN
                Matrix.Scales scales =
                        new Matrix.Scales(MemorySegment.ofArray(factors), BlockFormat.F32, rows, 64, k / 64);
                Matrix w = Matrix.of(BlockFormat.F8_E4M3, rows, k, data, scales);
                float[] x = gaussians(5 * k, random);
                int[] xAt = {0, k, 2 * k, 3 * k, 4 * k};
                int[] yAt = {0, rows, 2 * rows, 3 * rows, 4 * rows};
                float[] together = new float[5 * rows];
                float[] alone = new float[5 * rows];
                vector.matrices().multiply(w, 0, rows, x, xAt, 5, together, yAt, new Workspace());
                for (int t = 0; t < 5; t++) {
                    int[] from = {xAt[t]};
                    int[] to = {yAt[t]};
                    vector.matrices().multiply(w, 0, rows, x, from, 1, alone, to, new Workspace());
                }
                assertArrayEquals(together, alone, 0f);
                assertTrue(Float.isNaN(alone[7]));
                assertFalse(Float.isNaN(alone[6]) || Float.isNaN(alone[8]));
            }
        }
    }

    @Test
    void separateScalesApplyToTheirTiles() {
        Random random = TestSeed.random(4);
        int rows = 21;
        int columns = 150;
        float[] factors = factors(6 * 3, random);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = finiteBlocks(arena, BlockFormat.BF16, (long) rows * columns, random);
            Matrix w = Matrix.of(
                    BlockFormat.BF16,
                    rows,
                    columns,
                    data,
                    new Matrix.Scales(MemorySegment.ofArray(factors), BlockFormat.F32, 4, 64, 3));
            Matrix part = w.rows(5, 11);
            float[] plain = new float[columns];
            float[] scaled = new float[columns];
            for (int r = 0; r < 11; r++) {
                BlockCodec.of(BlockFormat.BF16).decode(data, (5 + r) * 2L * columns, plain, 0, columns);
                vector.matrices().decodeRow(part, r, scaled, 0, new Workspace());
                for (int c = 0; c < columns; c++) {
                    assertEquals(plain[c] * factors[(5 + r) / 4 * 3 + c / 64], scaled[c]);
                }
            }
            assertProducts(part, 3, random);
        }
    }

    /** Blocks of 16 rows begin and end within tiles of five, and a view begins within one. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7})
    void separateScalesOfE4m3ApplyToTheirTiles(int tokens) {
        Random random = TestSeed.random(8);
        int rows = 45;
        int columns = 192;
        float[] factors = factors(9 * 2, random);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = e4m3Codes(arena, rows * columns, 100, random);
            Matrix.Scales scales = new Matrix.Scales(MemorySegment.ofArray(factors), BlockFormat.F32, 5, 128, 2);
            Matrix w = Matrix.of(BlockFormat.F8_E4M3, rows, columns, data, scales);
            assertProducts(w.rows(3, 39), tokens, random);
        }
    }

    /** A scale for each group of a row's columns, from a half to 4. */
    static Matrix.Scales rowScales(BlockFormat format, int rows, int k, int group, Random random) {
        int n = rows * k / group;
        MemorySegment values = MemorySegment.ofArray(new byte[(int) format.bytes(n)]);
        for (int i = 0; i < n; i++) {
            float scale = 0.5f + 3.5f * random.nextFloat();
            switch (format) {
                case F32 -> values.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i, scale);
                case F16 -> values.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i, Float.floatToFloat16(scale));
                case BF16 ->
                    values.set(
                            ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i, (short) (Float.floatToRawIntBits(scale) >> 16));
                default -> values.set(ValueLayout.JAVA_BYTE, i, (byte) (126 + random.nextInt(4)));
            }
        }
        return new Matrix.Scales(values, format, 1, group, k / group);
    }

    /** As above; a row scale is a tile as wide as the matrix. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 12})
    void separateScalesOfBytesApplyToTheirTiles(int tokens) {
        Random random = TestSeed.random(11);
        int rows = 45;
        try (Arena arena = Arena.ofConfined()) {
            for (int columns : new int[] {192, 768, 2112, 5376}) {
                MemorySegment data = randomBlocks(arena, BlockFormat.I8, rows * columns, random);
                float[] factors = factors(9 * (columns / 64), random);
                Matrix.Scales tiles =
                        new Matrix.Scales(MemorySegment.ofArray(factors), BlockFormat.F32, 5, 64, columns / 64);
                assertProducts(
                        Matrix.of(BlockFormat.I8, rows, columns, data, tiles).rows(3, 39), tokens, random);
                Matrix.Scales perRow =
                        new Matrix.Scales(MemorySegment.ofArray(factors(rows, random)), BlockFormat.F32, 1, columns, 1);
                assertProducts(Matrix.of(BlockFormat.I8, rows, columns, data, perRow), tokens, random);
            }
        }
    }

    /** Numbers with a standard deviation, as e4m3. */
    static MemorySegment e4m3Codes(Arena arena, int n, float deviation, Random random) {
        MemorySegment codes = arena.allocate(n);
        for (int i = 0; i < n; i++) {
            codes.set(ValueLayout.JAVA_BYTE, i, E4m3.encode(deviation * (float) random.nextGaussian()));
        }
        return codes;
    }

    static float[] factors(int n, Random random) {
        float[] factors = new float[n];
        for (int i = 0; i < n; i++) {
            factors[i] = 0.5f + random.nextFloat();
        }
        return factors;
    }

    private static float[] gaussians(int n, Random random) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    @Test
    void mathAgrees() {
        Random random = TestSeed.random(6);
        for (int n : List.of(1, 2, 13, 16, 17, 31, 207, 4098)) {
            float[] x = gaussians(n + 3, random);
            float[] y = gaussians(n + 3, random);
            float tolerance = 1e-6f * n + 1e-5f;
            assertEquals(SCALAR.math().dot(x, 1, y, 2, n), vector.math().dot(x, 1, y, 2, n), tolerance);
            assertEquals(SCALAR.math().max(x, 1, n), vector.math().max(x, 1, n));
            assertSame(n, x, y, (math, a, b) -> math.add(a, 1, b, 2, n), 0f);
            assertSame(n, x, y, (math, a, b) -> math.scale(a, 1, 1.7f, n), 0f);
            assertSame(n, x, y, (math, a, b) -> math.addScaled(a, 1, b, 2, 0.3f, n), 0f);
            assertSame(n, x, y, (math, a, b) -> math.swiGlu(a, 1, b, 2, n), 0f);
            assertSame(n, x, y, (math, a, b) -> math.clampedSwiGlu(a, 1, b, 2, n), 0f);
            assertSame(n, x, y, (math, a, b) -> math.sigmoid(a, 1, n), 0f);
            assertSame(n, x, y, (math, a, b) -> math.rmsNorm(b, 2, y, 1e-5f, a, 1, n), 1e-5f);
            assertSame(n, x, y, (math, a, b) -> math.layerNorm(b, 2, y, x, 1e-6f, a, 1, n), 1e-4f);
            assertSame(n, x, y, (math, a, b) -> math.softmax(a, 1, n, Float.NEGATIVE_INFINITY), 1e-6f);
            assertSame(n, x, y, (math, a, b) -> math.softmax(a, 1, n, 0.5f), 1e-6f);
        }
    }

    /** One operation that works on two arrays. */
    private interface Operation {
        void apply(VectorMath math, float[] a, float[] b);
    }

    private static void assertSame(int n, float[] x, float[] y, Operation operation, float tolerance) {
        float[] expected = x.clone();
        float[] actual = x.clone();
        operation.apply(SCALAR.math(), expected, y.clone());
        operation.apply(vector.math(), actual, y.clone());
        assertArrayEquals(expected, actual, tolerance, "n = " + n);
    }

    @Test
    void exponentialIsAccurateAndTheSameInBothTwins() {
        float[] x = new float[4096];
        for (int i = 0; i < x.length; i++) {
            x[i] = -87 + 175f * i / x.length;
        }
        float[] scalar = x.clone();
        float[] simd = x.clone();
        SCALAR.math().expSum(scalar, 0, x.length, 0f);
        vector.math().expSum(simd, 0, x.length, 0f);
        assertArrayEquals(scalar, simd, 0f);
        for (int i = 0; i < x.length; i++) {
            double exact = Math.exp(x[i]);
            assertEquals(exact, scalar[i], 2 * Math.ulp((float) exact), "e^" + x[i]);
        }
        float[] edges = {Float.NEGATIVE_INFINITY, -200, Float.NaN};
        SCALAR.math().expSum(edges, 0, 3, 0f);
        assertEquals(0f, edges[0]);
        assertTrue(edges[1] >= 0 && edges[1] < 1e-37f);
        assertTrue(Float.isNaN(edges[2]));
    }
}
