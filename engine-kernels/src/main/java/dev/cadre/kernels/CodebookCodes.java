package dev.cadre.kernels;

import static dev.cadre.kernels.VectorDecoders.half;
import static dev.cadre.kernels.VectorDecoders.int32;

import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.kernels.format.Codebooks;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The IQ types with a codebook, as one signed byte for each element and one scale for 16, for {@link CodeDots}. Eight
 * elements are one 64-bit word here: an entry of the table, negated by a mask.
 *
 * <p>Entries are looked up by scalar loads. A vector's gather would take as long, since it is split into them.
 *
 * <p>Blocks are copied behind the codes first, so that no number read from a mapped page is an index (see
 * {@code LookupTables}).
 */
final class CodebookCodes {
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private static final long ONES = 0x0101010101010101L;

    /** For eight sign bits, a byte of ones for each that is set. */
    private static final long[] NEGATIVE = new long[256];

    /** As {@link #NEGATIVE}, for the numbers of 7 bits that stand for eight. */
    private static final long[] NEGATIVE_OF_SEVEN = new long[128];

    private static final long[] IQ2_XXS = eights(BlockFormat.IQ2_XXS);
    private static final long[] IQ2_XS = eights(BlockFormat.IQ2_XS);
    private static final long[] IQ2_S = eights(BlockFormat.IQ2_S);
    private static final int[] IQ3_XXS = fours(BlockFormat.IQ3_XXS);
    private static final int[] IQ3_S = fours(BlockFormat.IQ3_S);

    /** Eight times the entries, plus one; then the same minus one. The shift of IQ1 is an eighth. */
    private static final long[] IQ1 = iq1();

    private static final float IQ1_UNIT = 0.125f;

    static {
        for (int bits = 0; bits < 256; bits++) {
            for (int j = 0; j < 8; j++) {
                NEGATIVE[bits] |= (bits >> j & 1) * 0xffL << 8 * j;
            }
        }
        for (int number = 0; number < 128; number++) {
            NEGATIVE_OF_SEVEN[number] = NEGATIVE[Codebooks.signs(number)];
        }
    }

    private CodebookCodes() {}

    private static long[] eights(BlockFormat format) {
        byte[] book = Codebooks.of(format);
        long[] table = new long[book.length / 8];
        for (int i = 0; i < table.length; i++) {
            table[i] = (long) LONG.get(book, 8 * i);
        }
        return table;
    }

    private static int[] fours(BlockFormat format) {
        byte[] book = Codebooks.of(format);
        int[] table = new int[book.length / 4];
        for (int i = 0; i < table.length; i++) {
            table[i] = int32(book, 4 * i);
        }
        return table;
    }

    private static long[] iq1() {
        byte[] book = Codebooks.of(BlockFormat.IQ1_S);
        int entries = book.length / 8;
        long[] table = new long[2 * entries];
        for (int i = 0; i < 2 * entries; i++) {
            for (int j = 0; j < 8; j++) {
                int value = 8 * book[8 * (i % entries) + j] + (i < entries ? 1 : -1);
                table[i] |= (value & 0xffL) << 8 * j;
            }
        }
        return table;
    }

    /** Copies blocks behind the codes of their elements; returns where they begin. */
    private static int copy(BlockFormat format, MemorySegment src, long a, int k, byte[] codes) {
        int bytes = k / format.blockElements() * format.blockBytes();
        MemorySegment.copy(src, ValueLayout.JAVA_BYTE, a, codes, k, bytes);
        return k;
    }

    private static int u8(byte[] raw, int o) {
        return raw[o] & 0xff;
    }

    private static int u16(byte[] raw, int o) {
        return (short) SHORT.get(raw, o) & 0xffff;
    }

    /** Negates the bytes of an entry where the mask says so. No entry has a zero, so no byte carries into the next. */
    private static void put(long entry, long negative, byte[] codes, int at) {
        LONG.set(codes, at, (entry ^ negative) + (negative & ONES));
    }

    /** The scale of 32 elements. */
    private static void scaleGroup(float scale, float[] s, int at) {
        s[at] = scale;
        s[at + 1] = scale;
    }

    private static long both(int[] table, int first, int second) {
        return table[first] & 0xffffffffL | (long) table[second] << 32;
    }

    private static void iq1Group(int low, int high, boolean minus, byte[] codes, int at) {
        LONG.set(codes, at, IQ1[low | (high & 7) << 8 | (minus ? IQ1.length / 2 : 0)]);
    }

    static void iq1S(MemorySegment src, long a, int k, byte[] codes, float[] s) {
        int o = copy(BlockFormat.IQ1_S, src, a, k, codes);
        for (int at = 0; at < k; at += 256, o += 50) {
            float d = half(codes, o) * IQ1_UNIT;
            for (int g = 0; g < 8; g++) {
                int h = u16(codes, o + 34 + 2 * g);
                float scale = d * (2 * (h >> 12 & 7) + 1);
                scaleGroup(scale, s, at / 16 + 2 * g);
                for (int n = 0; n < 4; n++) {
                    iq1Group(u8(codes, o + 2 + 4 * g + n), h >> 3 * n, h >= 0x8000, codes, at + 32 * g + 8 * n);
                }
            }
        }
    }

    static void iq1M(MemorySegment src, long a, int k, byte[] codes, float[] s) {
        int o = copy(BlockFormat.IQ1_M, src, a, k, codes);
        for (int at = 0; at < k; at += 256, o += 56) {
            long scales = (long) LONG.get(codes, o + 48);
            int bits = 0;
            for (int n = 0; n < 4; n++) {
                bits |= (int) (scales >>> 16 * n + 12 & 15) << 4 * n;
            }
            float d = Float.float16ToFloat((short) bits) * IQ1_UNIT;
            for (int g = 0; g < 16; g++) {
                s[at / 16 + g] = d * (2 * (int) (scales >>> 16 * (g >> 2) + 3 * (g & 3) & 7) + 1);
                int h = u8(codes, o + 32 + g);
                iq1Group(u8(codes, o + 2 * g), h, (h & 8) != 0, codes, at + 16 * g);
                iq1Group(u8(codes, o + 2 * g + 1), h >> 4, (h & 128) != 0, codes, at + 16 * g + 8);
            }
        }
    }

    static void iq2Xxs(MemorySegment src, long a, int k, byte[] codes, float[] s) {
        int o = copy(BlockFormat.IQ2_XXS, src, a, k, codes);
        for (int at = 0; at < k; at += 256, o += 66) {
            float d = half(codes, o);
            for (int g = 0; g < 8; g++) {
                int numbers = int32(codes, o + 2 + 8 * g);
                int word = int32(codes, o + 6 + 8 * g);
                float scale = d * (0.5f + (word >>> 28)) * 0.25f;
                scaleGroup(scale, s, at / 16 + 2 * g);
                for (int n = 0; n < 4; n++) {
                    long negative = NEGATIVE_OF_SEVEN[word >> 7 * n & 127];
                    put(IQ2_XXS[numbers >> 8 * n & 255], negative, codes, at + 32 * g + 8 * n);
                }
            }
        }
    }

    static void iq2Xs(MemorySegment src, long a, int k, byte[] codes, float[] s) {
        int o = copy(BlockFormat.IQ2_XS, src, a, k, codes);
        for (int at = 0; at < k; at += 256, o += 74) {
            fourBitScales(half(codes, o), codes, o + 66, s, at / 16);
            for (int n = 0; n < 32; n++) {
                int q = u16(codes, o + 2 + 2 * n);
                put(IQ2_XS[q & 511], NEGATIVE_OF_SEVEN[q >> 9], codes, at + 8 * n);
            }
        }
    }

    static void iq2S(MemorySegment src, long a, int k, byte[] codes, float[] s) {
        int o = copy(BlockFormat.IQ2_S, src, a, k, codes);
        for (int at = 0; at < k; at += 256, o += 82) {
            fourBitScales(half(codes, o), codes, o + 74, s, at / 16);
            for (int g = 0; g < 8; g++) {
                int numbers = int32(codes, o + 2 + 4 * g);
                int signs = int32(codes, o + 34 + 4 * g);
                int upper = u8(codes, o + 66 + g);
                for (int n = 0; n < 4; n++) {
                    int entry = numbers >> 8 * n & 255 | (upper >> 2 * n & 3) << 8;
                    put(IQ2_S[entry], NEGATIVE[signs >> 8 * n & 255], codes, at + 32 * g + 8 * n);
                }
            }
        }
    }

    /** The scales of IQ2_XS and IQ2_S: nibbles, each of 16 elements. */
    private static void fourBitScales(float d, byte[] raw, int o, float[] s, int at) {
        for (int i = 0; i < 8; i++) {
            int both = u8(raw, o + i);
            s[at + 2 * i] = d * (0.5f + (both & 15)) * 0.25f;
            s[at + 2 * i + 1] = d * (0.5f + (both >> 4)) * 0.25f;
        }
    }

    static void iq3Xxs(MemorySegment src, long a, int k, byte[] codes, float[] s) {
        int o = copy(BlockFormat.IQ3_XXS, src, a, k, codes);
        for (int at = 0; at < k; at += 256, o += 98) {
            float d = half(codes, o);
            for (int g = 0; g < 8; g++) {
                int word = int32(codes, o + 66 + 4 * g);
                float scale = d * (0.5f + (word >>> 28)) * 0.5f;
                scaleGroup(scale, s, at / 16 + 2 * g);
                long numbers = (long) LONG.get(codes, o + 2 + 8 * g);
                for (int n = 0; n < 4; n++) {
                    long entry = both(IQ3_XXS, (int) (numbers >>> 16 * n) & 255, (int) (numbers >>> 16 * n + 8) & 255);
                    put(entry, NEGATIVE_OF_SEVEN[word >> 7 * n & 127], codes, at + 32 * g + 8 * n);
                }
            }
        }
    }

    static void iq3S(MemorySegment src, long a, int k, byte[] codes, float[] s) {
        int o = copy(BlockFormat.IQ3_S, src, a, k, codes);
        for (int at = 0; at < k; at += 256, o += 110) {
            float d = half(codes, o);
            int scales = int32(codes, o + 106);
            for (int g = 0; g < 8; g++) {
                float scale = d * (1 + 2 * (scales >> 4 * g & 15));
                scaleGroup(scale, s, at / 16 + 2 * g);
                long numbers = (long) LONG.get(codes, o + 2 + 8 * g);
                int ninth = u8(codes, o + 66 + g);
                int signs = int32(codes, o + 74 + 4 * g);
                for (int n = 0; n < 4; n++) {
                    int first = (int) (numbers >>> 16 * n) & 255 | (ninth >> 2 * n & 1) << 8;
                    int second = (int) (numbers >>> 16 * n + 8) & 255 | (ninth >> 2 * n + 1 & 1) << 8;
                    put(both(IQ3_S, first, second), NEGATIVE[signs >> 8 * n & 255], codes, at + 32 * g + 8 * n);
                }
            }
        }
    }
}
