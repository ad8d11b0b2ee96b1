package dev.cadre.kernels.format;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Formats whose values follow from their definition, and the bounds of every codec. */
class PlainValuesTest {
    static final Set<BlockFormat> COVERED = EnumSet.of(
            BlockFormat.F32,
            BlockFormat.F64,
            BlockFormat.I8,
            BlockFormat.I16,
            BlockFormat.I32,
            BlockFormat.I64,
            BlockFormat.U8,
            BlockFormat.U16,
            BlockFormat.U32,
            BlockFormat.U64,
            BlockFormat.BOOL,
            BlockFormat.Q1_0,
            BlockFormat.Q2_0,
            BlockFormat.Q8_1,
            BlockFormat.Q8_K,
            BlockFormat.INT4_PAIRS,
            BlockFormat.FP4_PAIRS);

    @Test
    void floats() {
        float[] values = {1.5f, -0f, Float.MIN_VALUE, Float.NEGATIVE_INFINITY, Float.MAX_VALUE};
        ByteBuffer single = buffer(20);
        ByteBuffer twice = buffer(40);
        for (float value : values) {
            single.putFloat(value);
            twice.putDouble(value);
        }
        assertArrayEquals(values, decode(BlockFormat.F32, single, 5));
        assertArrayEquals(values, decode(BlockFormat.F64, twice, 5));
        assertArrayEquals(
                new float[] {(float) (1 + 0x1p-24 + 0x1p-50), Float.POSITIVE_INFINITY},
                decode(
                        BlockFormat.F64,
                        buffer(16).putDouble(1 + 0x1p-24 + 0x1p-50).putDouble(1e300),
                        2));
    }

    @Test
    void signedIntegers() {
        assertArrayEquals(
                new float[] {-128, 127},
                decode(BlockFormat.I8, buffer(2).put((byte) -128).put((byte) 127), 2));
        assertArrayEquals(
                new float[] {-32768, 32767},
                decode(BlockFormat.I16, buffer(4).putShort(Short.MIN_VALUE).putShort(Short.MAX_VALUE), 2));
        assertArrayEquals(
                new float[] {-0x1p31f, 0x1p31f},
                decode(BlockFormat.I32, buffer(8).putInt(Integer.MIN_VALUE).putInt(Integer.MAX_VALUE), 2));
        assertArrayEquals(
                new float[] {-0x1p63f, 0x1p63f},
                decode(BlockFormat.I64, buffer(16).putLong(Long.MIN_VALUE).putLong(Long.MAX_VALUE), 2));
    }

    @Test
    void unsignedIntegers() {
        assertArrayEquals(
                new float[] {255, 1},
                decode(BlockFormat.U8, buffer(2).put((byte) -1).put((byte) 1), 2));
        assertArrayEquals(
                new float[] {0, 1},
                decode(BlockFormat.BOOL, buffer(2).put((byte) 0).put((byte) 1), 2));
        assertArrayEquals(new float[] {65535}, decode(BlockFormat.U16, buffer(2).putShort((short) -1), 1));
        assertArrayEquals(
                new float[] {4294967295f}, decode(BlockFormat.U32, buffer(4).putInt(-1), 1));
        // halfway between two floats, plus one: must round up, which a lost low bit would turn into round-to-even
        long justAboveHalf = (1L << 63) + (1L << 39) + 1;
        assertArrayEquals(
                new float[] {0x1p64f, 0x1p63f + 0x1p40f, 7},
                decode(
                        BlockFormat.U64,
                        buffer(24).putLong(-1).putLong(justAboveHalf).putLong(7),
                        3));
    }

    @Test
    void activationTypes() {
        ByteBuffer q8k = buffer(292).putFloat(0.5f);
        for (int i = 0; i < 256; i++) {
            q8k.put((byte) (i - 128));
        }
        float[] decoded = decode(BlockFormat.Q8_K, q8k, 256);
        ByteBuffer q81 = buffer(36).putShort(Float.floatToFloat16(2)).putShort((short) 0x7bff);
        for (int i = 0; i < 32; i++) {
            q81.put((byte) -i);
        }
        float[] small = decode(BlockFormat.Q8_1, q81, 32);
        for (int i = 0; i < 256; i++) {
            assertEquals((i - 128) * 0.5f, decoded[i]);
            assertEquals(2f * -(i % 32), small[i % 32]);
        }
    }

    @Test
    void signBits() {
        ByteBuffer block = buffer(18).putShort(Float.floatToFloat16(0.75f)).put((byte) 0b101);
        block.put(17, (byte) 0x80);
        float[] decoded = decode(BlockFormat.Q1_0, block, 128);
        for (int i = 0; i < 128; i++) {
            assertEquals(i == 0 || i == 2 || i == 127 ? 0.75f : -0.75f, decoded[i]);
        }
    }

    @Test
    void bitPairs() {
        ByteBuffer block = buffer(18).putShort(Float.floatToFloat16(0.75f));
        for (int i = 0; i < 16; i++) {
            block.put((byte) 0b11_10_01_00);
        }
        float[] decoded = decode(BlockFormat.Q2_0, block, 64);
        for (int i = 0; i < 64; i++) {
            assertEquals(0.75f * (i % 4 - 1), decoded[i]);
        }
    }

    @Test
    void nibblePairs() {
        float[] fp4 = {0, .5f, 1, 1.5f, 2, 3, 4, 6, -0f, -.5f, -1, -1.5f, -2, -3, -4, -6};
        ByteBuffer block = buffer(16);
        for (int i = 0; i < 16; i++) {
            block.put((byte) (i | 15 - i << 4));
        }
        float[] integers = decode(BlockFormat.INT4_PAIRS, block, 32);
        float[] floats = decode(BlockFormat.FP4_PAIRS, block, 32);
        for (int i = 0; i < 16; i++) {
            assertEquals(i - 8, integers[2 * i]);
            assertEquals(7 - i, integers[2 * i + 1]);
            assertEquals(fp4[i], floats[2 * i]);
            assertEquals(fp4[15 - i], floats[2 * i + 1]);
        }
    }

    @Test
    void boundsAreChecked() {
        for (BlockFormat format : BlockFormat.values()) {
            BlockCodec codec = BlockCodec.of(format);
            int n = format.blockElements();
            MemorySegment blocks = MemorySegment.ofArray(new byte[2 * format.blockBytes()]);
            float[] floats = new float[2 * n];
            codec.decode(blocks, 0, floats, 0, 2 * n);
            codec.decode(blocks, 2L * format.blockBytes(), floats, 2 * n, 0);
            assertThrows(IndexOutOfBoundsException.class, () -> codec.decode(blocks, 1, floats, 0, 2 * n));
            assertThrows(IndexOutOfBoundsException.class, () -> codec.decode(blocks, -1, floats, 0, n));
            assertThrows(IndexOutOfBoundsException.class, () -> codec.decode(blocks, 0, floats, n + 1, n));
            assertThrows(IllegalArgumentException.class, () -> codec.decode(blocks, 0, floats, 0, -n));
            if (n > 1) {
                assertThrows(IllegalArgumentException.class, () -> codec.decode(blocks, 0, floats, 0, n + 1));
            }
        }
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static float[] decode(BlockFormat format, ByteBuffer blocks, int count) {
        float[] values = new float[count];
        BlockCodec.of(format).decode(MemorySegment.ofArray(blocks.array()), 0, values, 0, count);
        return values;
    }
}
