package dev.cadre.bench;

import dev.cadre.kernels.CacheRowKernel;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** A page of {@value #ROWS} cache rows, from what is stored to floats and back; bytes are those that are stored. */
public class CacheRowBenchmark extends KernelBenchmark {
    private static final int ROWS = 64;
    private static final int NUMBERS = 512;
    private static final int GROUP = 128;
    private static final int FP8_BYTES = NUMBERS + 4 * NUMBERS / GROUP;
    private static final int BF16_BYTES = 2 * NUMBERS;

    private final CacheRowKernel kernel = kernels.cacheRows();
    private final float[] source = randomFloats(ROWS * NUMBERS);
    private final float[] decoded = new float[ROWS * NUMBERS];
    private Arena arena;
    private MemorySegment fp8;
    private MemorySegment bf16;
    private MemorySegment codes;

    /** Made by JMH. */
    public CacheRowBenchmark() {}

    /** Rows to read. */
    @Setup(Level.Trial)
    public void setUp() {
        arena = Arena.ofShared();
        fp8 = arena.allocate((long) ROWS * FP8_BYTES, 64);
        bf16 = arena.allocate((long) ROWS * BF16_BYTES, 64);
        codes = arena.allocate((long) ROWS * NUMBERS, 64);
        for (int i = 0; i < codes.byteSize(); i++) {
            codes.set(ValueLayout.JAVA_BYTE, i, (byte) random().nextInt());
        }
        MemorySegment scales = MemorySegment.ofArray(new float[] {0.01f, 0.01f, 0.01f, 0.01f});
        for (int row = 0; row < ROWS; row++) {
            kernel.encodeE4m3(source, row * NUMBERS, NUMBERS, 0.01f, fp8, (long) row * FP8_BYTES);
            MemorySegment.copy(scales, 0, fp8, (long) row * FP8_BYTES + NUMBERS, scales.byteSize());
            kernel.encodeBfloat16(source, row * NUMBERS, NUMBERS, bf16, (long) row * BF16_BYTES);
        }
    }

    /** Gives the rows back. */
    @TearDown(Level.Trial)
    public void tearDown() {
        arena.close();
    }

    /** FP8 with a scale for each 128 numbers. */
    @Benchmark
    public float[] decodeE4m3(Rates rates) {
        kernel.decodeE4m3(fp8, 0, ROWS, FP8_BYTES, NUMBERS, GROUP, decoded, 0, NUMBERS);
        rates.add(fp8.byteSize(), 0);
        return decoded;
    }

    /** FP8 under one scale. */
    @Benchmark
    public MemorySegment encodeE4m3(Rates rates) {
        for (int row = 0; row < ROWS; row++) {
            kernel.encodeE4m3(source, row * NUMBERS, NUMBERS, 0.01f, fp8, (long) row * FP8_BYTES);
        }
        rates.add((double) ROWS * NUMBERS, 0);
        return fp8;
    }

    /** Index keys in FP8 caches. */
    @Benchmark
    public float[] decodeInt8(Rates rates) {
        kernel.decodeInt8(codes, 0, ROWS * NUMBERS, decoded, 0);
        rates.add(codes.byteSize(), 0);
        return decoded;
    }

    /** Bfloat16. */
    @Benchmark
    public float[] decodeBfloat16(Rates rates) {
        kernel.decodeBfloat16(bf16, 0, ROWS, BF16_BYTES, NUMBERS, decoded, 0, NUMBERS);
        rates.add(bf16.byteSize(), 0);
        return decoded;
    }

    /** Bfloat16, the other way. */
    @Benchmark
    public MemorySegment encodeBfloat16(Rates rates) {
        for (int row = 0; row < ROWS; row++) {
            kernel.encodeBfloat16(source, row * NUMBERS, NUMBERS, bf16, (long) row * BF16_BYTES);
        }
        rates.add(bf16.byteSize(), 0);
        return bf16;
    }
}
