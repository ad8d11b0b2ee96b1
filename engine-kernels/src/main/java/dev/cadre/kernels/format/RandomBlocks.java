package dev.cadre.kernels.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.random.RandomGenerator;

/**
 * Blocks of random weights in any format, those included that have no encoder: for measuring speed. Every bit of a
 * block takes part, and no value is huge or denormal, which would change how long a product takes.
 */
public final class RandomBlocks {
    private static final float FP8_E5M2_GREATEST = 57344f;

    private RandomBlocks() {}

    /** The formats that weights are stored in, in the order of {@link BlockFormat}. */
    public static List<BlockFormat> formats() {
        return Arrays.stream(BlockFormat.values())
                .filter(format -> BlockEncoder.supports(format) || setter(format) != null || isCodes(format))
                .toList();
    }

    /** True for the formats that have no scale in the block. */
    private static boolean isCodes(BlockFormat format) {
        return switch (format) {
            case F8_E4M3, F8_E5M2, INT4_PAIRS, FP4_PAIRS -> true;
            default -> false;
        };
    }

    /**
     * Writes blocks of independent random values with mean zero and about the given deviation.
     *
     * @param count elements, a whole number of blocks
     * @param deviation root mean square of the values; formats whose scales are coarse come near it only, and those
     *     without scales if it suits their range
     * @throws IllegalArgumentException if {@code count} is no whole number of blocks
     * @throws IndexOutOfBoundsException if the blocks are not all within {@code dst}
     * @throws UnsupportedOperationException if {@code format} is none of {@link #formats()}
     */
    public static void fill(
            BlockFormat format, int count, float deviation, RandomGenerator random, MemorySegment dst, long offset) {
        Objects.checkFromIndexSize(offset, format.bytes(count), dst.byteSize());
        if (BlockEncoder.supports(format)) {
            float[] values = new float[count];
            for (int i = 0; i < count; i++) {
                values[i] = uniform(deviation, random);
            }
            BlockEncoder.of(format).encode(values, 0, count, dst, offset);
        } else if (isCodes(format)) {
            int perByte = format.blockElements() / format.blockBytes();
            for (int i = 0; i < count / perByte; i++) {
                int code = code(format, uniform(deviation, random));
                if (perByte == 2) {
                    code |= code(format, uniform(deviation, random)) << 4;
                }
                dst.set(ValueLayout.JAVA_BYTE, offset + i, (byte) code);
            }
        } else {
            fillScaled(format, count, deviation, random, dst, offset);
        }
    }

    /**
     * Fills a segment with stretches of a pool of blocks, which begin at random blocks: faster than new values, and
     * pages hardly become equal, of which a host may keep one.
     *
     * @param format of the blocks in {@code pool}; both segments hold a whole number of them
     */
    public static void fillFrom(MemorySegment pool, BlockFormat format, RandomGenerator random, MemorySegment dst) {
        long blocks = pool.byteSize() / format.blockBytes();
        for (long at = 0; at < dst.byteSize(); ) {
            long from = random.nextLong(blocks) * format.blockBytes();
            long bytes = Math.min(dst.byteSize() - at, pool.byteSize() - from);
            MemorySegment.copy(pool, from, dst, at, bytes);
            at += bytes;
        }
    }

    /** Uniform, with the given root mean square. */
    private static float uniform(float deviation, RandomGenerator random) {
        return (float) (deviation * Math.sqrt(3) * (2 * random.nextDouble() - 1));
    }

    private static int code(BlockFormat format, float value) {
        return switch (format) {
            case F8_E4M3 -> E4m3.encode(value);
            case INT4_PAIRS -> Math.clamp(Math.round(value), -8, 7) + 8;
            case FP4_PAIRS -> nearestFp4(value);
            default -> {
                float bounded = Math.clamp(value, -FP8_E5M2_GREATEST, FP8_E5M2_GREATEST);
                yield Float.floatToFloat16(bounded) >> 8; // the upper half of an f16
            }
        };
    }

    private static int nearestFp4(float value) {
        int nearest = 0;
        for (int code = 1; code < 16; code++) {
            if (Math.abs(LookupTables.fp4[code] - value) < Math.abs(LookupTables.fp4[nearest] - value)) {
                nearest = code;
            }
        }
        return nearest;
    }

    /** Random bits, and the scale that gives a block's values their size. */
    private static void fillScaled(
            BlockFormat format, int count, float deviation, RandomGenerator random, MemorySegment dst, long offset) {
        ScaleSetter setter = setter(format);
        if (setter == null) {
            throw new UnsupportedOperationException("weights are not stored as " + format);
        }
        BlockCodec codec = BlockCodec.of(format);
        byte[] bits = new byte[format.blockBytes()];
        float[] values = new float[format.blockElements()];
        long end = offset + format.bytes(count);
        for (long at = offset; at < end; at += bits.length) {
            random.nextBytes(bits);
            MemorySegment.copy(bits, 0, dst, ValueLayout.JAVA_BYTE, at, bits.length);
            setter.set(dst, at, 1f);
            codec.decode(dst, at, values, 0, values.length);
            double squares = 0;
            for (float value : values) {
                squares += (double) value * value;
            }
            double scale = deviation / Math.sqrt(squares / values.length);
            // with either sign, since the two-bit codes lean to one side
            setter.set(dst, at, (float) (random.nextBoolean() ? scale : -scale));
        }
    }

    /** Writes the factor that all values of the block at byte {@code o} have in common. */
    @FunctionalInterface
    private interface ScaleSetter {
        void set(MemorySegment s, long o, float scale);
    }

    /** Where the format keeps its scale; null if it has an encoder or no scale. */
    private static ScaleSetter setter(BlockFormat format) {
        return switch (format) {
            case Q1_0, Q2_0, IQ1_S, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S -> RandomBlocks::f16;
            case TQ1_0 -> (s, o, d) -> f16(s, o + 52, d);
            case TQ2_0 -> (s, o, d) -> f16(s, o + 64, d);
            case IQ1_M -> RandomBlocks::topNibbles;
            case NVFP4 -> RandomBlocks::groupScales;
            default -> null;
        };
    }

    private static void f16(MemorySegment s, long o, float d) {
        s.set(Bytes.SHORT, o, Float.floatToFloat16(d));
    }

    /** The f16 scale of IQ1_M is spread over the top nibbles of four u16. */
    private static void topNibbles(MemorySegment s, long o, float d) {
        int scale = Float.floatToFloat16(d);
        for (int n = 0; n < 4; n++) {
            int rest = Bytes.u16(s, o + 48 + 2 * n) & 0xfff;
            s.set(Bytes.SHORT, o + 48 + 2 * n, (short) (rest | (scale >> 4 * n & 15) << 12));
        }
    }

    /** NVFP4 has four scales without a sign, for a group each; none becomes zero. */
    private static void groupScales(MemorySegment s, long o, float d) {
        byte code = (byte) Math.max(1, E4m3.encode(Math.abs(d)));
        for (int g = 0; g < 4; g++) {
            s.set(ValueLayout.JAVA_BYTE, o + g, code);
        }
    }
}
