package dev.cadre.kernels.format;

import static dev.cadre.kernels.format.ScaleSearch.clamp;
import static dev.cadre.kernels.format.ScaleSearch.round;
import static dev.cadre.kernels.format.SmallBlockEncoders.putByte;
import static dev.cadre.kernels.format.SmallBlockEncoders.putF16;

import java.lang.foreign.MemorySegment;

/**
 * Encoders of the formats of 256 elements a block; layouts as in {@link KCodecs}. Each finds the scales of its groups,
 * rounds these to the block's own scale, and then rounds the elements with the scales as they will be read back.
 */
final class KEncoders {
    private KEncoders() {}

    static void q2(float[] x, int at, MemorySegment s, long o, ScaleSearch search) {
        for (int g = 0; g < 16; g++) {
            search.weighByMagnitude(x, at + 16 * g, 16, 0);
            search.scales[g] = search.affine(x, at + 16 * g, 16, 3, true, 15, -0.5f);
            search.minima[g] = search.minimum();
        }
        float d = greatest(search.scales, 16) / 15;
        float dmin = greatest(search.minima, 16) / 15;
        putF16(s, o + 80, d);
        putF16(s, o + 82, dmin);
        for (int g = 0; g < 16; g++) {
            int sc = level(search.scales[g], d, 15);
            int mc = level(search.minima[g], dmin, 15);
            putByte(s, o + g, sc | mc << 4);
            affineLevels(
                    x, at + 16 * g, 16, Bytes.f16(s, o + 80) * sc, Bytes.f16(s, o + 82) * mc, 3, search.levels, 16 * g);
        }
        bitPairs(search.levels, s, o + 16);
    }

    private static float greatest(float[] values, int n) {
        float greatest = 0;
        for (int i = 0; i < n; i++) {
            greatest = Math.max(greatest, values[i]);
        }
        return greatest;
    }

    private static int level(float value, float step, int top) {
        return step > 0 ? clamp(round(value / step), 0, top) : 0;
    }

    /** Levels of x ≈ d·q - m. */
    private static void affineLevels(float[] x, int at, int n, float d, float m, int top, int[] levels, int to) {
        for (int j = 0; j < n; j++) {
            levels[to + j] = d == 0 ? 0 : clamp(round((x[at + j] + m) / d), 0, top);
        }
    }

    /** Levels of x ≈ d·(q - top), from 0 to 2·top - 1. */
    private static void symmetricLevels(float[] x, int at, int n, float d, int top, int[] levels, int to) {
        for (int j = 0; j < n; j++) {
            levels[to + j] = top + (d == 0 ? 0 : clamp(round(x[at + j] / d), -top, top - 1));
        }
    }

    /** The low two bits of 256 levels to 64 bytes. */
    private static void bitPairs(int[] levels, MemorySegment s, long o) {
        for (int b = 0; b < 64; b++) {
            int from = b / 32 * 128 + b % 32;
            int bits = 0;
            for (int n = 0; n < 4; n++) {
                bits |= (levels[from + 32 * n] & 3) << 2 * n;
            }
            putByte(s, o + b, bits);
        }
    }

    static void q3(float[] x, int at, MemorySegment s, long o, ScaleSearch search) {
        for (int g = 0; g < 16; g++) {
            search.weighBySquare(x, at + 16 * g, 16);
            search.scales[g] = search.symmetricByDescent(x, at + 16 * g, 16, 4);
        }
        // the extreme scale gets -32, the longer side
        putF16(s, o + 108, ScaleSearch.extreme(search.scales, 0, 16) / -32);
        float d = Bytes.f16(s, o + 108);
        s.asSlice(o + 96, 12).fill((byte) 0);
        for (int g = 0; g < 16; g++) {
            int sc = d == 0 ? 0 : clamp(round(search.scales[g] / d), -32, 31);
            int low = o96(s, o, g % 8) | (sc + 32 & 15) << 4 * (g / 8);
            putByte(s, o + 96 + g % 8, low);
            int high = o96(s, o, 8 + g % 4) | (sc + 32 >> 4) << 2 * (g / 4);
            putByte(s, o + 104 + g % 4, high);
            symmetricLevels(x, at + 16 * g, 16, d * sc, 4, search.levels, 16 * g);
        }
        for (int b = 0; b < 32; b++) {
            int bits = 0;
            for (int n = 0; n < 8; n++) {
                bits |= (search.levels[32 * n + b] >> 2) << n;
            }
            putByte(s, o + b, bits);
        }
        bitPairs(search.levels, s, o + 32);
    }

    private static int o96(MemorySegment s, long o, int index) {
        return Bytes.u8(s, o + 96 + index);
    }

    static void q4(float[] x, int at, MemorySegment s, long o, ScaleSearch search) {
        affineGroups(x, at, s, o, 15, 20, -1, search);
        pairsOfGroups(search.levels, s, o + 16);
    }

    static void q5(float[] x, int at, MemorySegment s, long o, ScaleSearch search) {
        affineGroups(x, at, s, o, 31, 15, -0.5f, search);
        for (int j = 0; j < 32; j++) {
            int bits = 0;
            for (int g = 0; g < 8; g++) {
                bits |= (search.levels[32 * g + j] >> 4) << g;
            }
            putByte(s, o + 16 + j, bits);
        }
        pairsOfGroups(search.levels, s, o + 48);
    }

    /** Low nibbles: those of groups 2p and 2p + 1 share 32 bytes. */
    private static void pairsOfGroups(int[] levels, MemorySegment s, long o) {
        for (int b = 0; b < 128; b++) {
            int from = b / 32 * 64 + b % 32;
            putByte(s, o + b, levels[from] & 15 | (levels[from + 32] & 15) << 4);
        }
    }

    /** d, dmin, the packed scales and minima of eight groups, and the levels. */
    private static void affineGroups(
            float[] x, int at, MemorySegment s, long o, int top, int steps, float first, ScaleSearch search) {
        for (int g = 0; g < 8; g++) {
            float base = ScaleSearch.rootMeanSquare(x, at + 32 * g, 32);
            search.weighByMagnitude(x, at + 32 * g, 32, base);
            search.scales[g] = search.affine(x, at + 32 * g, 32, top, false, steps, first);
            search.minima[g] = search.minimum();
        }
        float d = greatest(search.scales, 8) / 63;
        float dmin = greatest(search.minima, 8) / 63;
        putF16(s, o, d);
        putF16(s, o + 2, dmin);
        s.asSlice(o + 4, 12).fill((byte) 0);
        for (int g = 0; g < 8; g++) {
            int sc = level(search.scales[g], d, 63);
            int mc = level(search.minima[g], dmin, 63);
            if (g < 4) {
                putByte(s, o + 4 + g, sc);
                putByte(s, o + 8 + g, mc);
            } else {
                putByte(s, o + 8 + g, sc & 15 | (mc & 15) << 4);
                putByte(s, o + g, Bytes.u8(s, o + g) | sc >> 4 << 6);
                putByte(s, o + 4 + g, Bytes.u8(s, o + 4 + g) | mc >> 4 << 6);
            }
            affineLevels(
                    x, at + 32 * g, 32, Bytes.f16(s, o) * sc, Bytes.f16(s, o + 2) * mc, top, search.levels, 32 * g);
        }
    }

    static void q6(float[] x, int at, MemorySegment s, long o, ScaleSearch search) {
        for (int g = 0; g < 16; g++) {
            search.weighBySquare(x, at + 16 * g, 16);
            search.scales[g] = search.symmetric(x, at + 16 * g, 16, 32);
        }
        float step = ScaleSearch.extreme(search.scales, 0, 16) / -128;
        putF16(s, o + 208, step);
        float d = Bytes.f16(s, o + 208);
        for (int g = 0; g < 16; g++) {
            int sc = step == 0 ? 0 : clamp(round(search.scales[g] / step), -128, 127);
            putByte(s, o + 192 + g, sc);
            symmetricLevels(x, at + 16 * g, 16, d * sc, 32, search.levels, 16 * g);
        }
        int[] levels = search.levels;
        for (int b = 0; b < 128; b++) {
            int from = b / 64 * 128 + b % 64;
            putByte(s, o + b, levels[from] & 15 | (levels[from + 64] & 15) << 4);
        }
        for (int b = 0; b < 64; b++) {
            int from = b / 32 * 128 + b % 32;
            int bits = 0;
            for (int n = 0; n < 4; n++) {
                bits |= (levels[from + 32 * n] >> 4) << 2 * n;
            }
            putByte(s, o + 128 + b, bits);
        }
    }

    static void iq4Xs(float[] x, int at, MemorySegment s, long o, ScaleSearch search) {
        for (int g = 0; g < 8; g++) {
            search.weighBySquare(x, at + 32 * g, 32);
            search.scales[g] = search.nonLinear(x, at + 32 * g, 32);
        }
        putF16(s, o, ScaleSearch.extreme(search.scales, 0, 8) / -32);
        float d = Bytes.f16(s, o);
        int high = 0;
        for (int g = 0; g < 8; g++) {
            int sc = d == 0 ? 0 : clamp(round(search.scales[g] / d), -32, 31);
            high |= (sc + 32 >> 4) << 2 * g;
            int other = g % 2 == 0 ? 0 : Bytes.u8(s, o + 4 + g / 2);
            putByte(s, o + 4 + g / 2, other | (sc + 32 & 15) << 4 * (g % 2));
            float dl = d * sc;
            SmallBlockEncoders.nonLinearLevels(x, at + 32 * g, dl == 0 ? 0 : 1 / dl, search, 32 * g);
            SmallBlockEncoders.nibbles(search, 32 * g, s, o + 8 + 16 * g);
        }
        s.set(Bytes.SHORT, o + 2, (short) high);
    }
}
