package dev.cadre.kernels.format;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** The table of encoders. */
final class Encoders {
    private static final BlockEncoder[] TABLE = new BlockEncoder[BlockFormat.values().length];

    static {
        for (BlockFormat format : BlockFormat.values()) {
            KindOfEncoder kind = kind(format);
            TABLE[format.ordinal()] = kind == null ? null : new Blockwise(format, kind);
        }
    }

    private Encoders() {}

    static BlockEncoder of(BlockFormat format) {
        BlockEncoder encoder = TABLE[format.ordinal()];
        if (encoder == null) {
            throw new UnsupportedOperationException(format + " can be read but not written");
        }
        return encoder;
    }

    static boolean supports(BlockFormat format) {
        return TABLE[format.ordinal()] != null;
    }

    /** Encodes the block of {@code x[at..]} to byte {@code o} of {@code s}. */
    @FunctionalInterface
    interface KindOfEncoder {
        void encode(float[] x, int at, MemorySegment s, long o, ScaleSearch search);
    }

    private record Blockwise(BlockFormat format, KindOfEncoder kind) implements BlockEncoder {
        @Override
        public void encode(float[] src, int index, int count, MemorySegment dst, long offset) {
            long bytes = format.bytes(count);
            Objects.checkFromIndexSize(index, count, src.length);
            Objects.checkFromIndexSize(offset, bytes, dst.byteSize());
            ScaleSearch search = format.blockElements() > 1 ? new ScaleSearch() : null;
            long at = offset;
            for (int i = 0; i < count; i += format.blockElements()) {
                kind.encode(src, index + i, dst, at, search);
                at += format.blockBytes();
            }
        }
    }

    private static KindOfEncoder kind(BlockFormat format) {
        return switch (format) {
            case F32 -> (x, at, s, o, search) -> s.set(Bytes.FLOAT, o, x[at]);
            case F16 -> (x, at, s, o, search) -> s.set(Bytes.SHORT, o, Float.floatToFloat16(x[at]));
            case BF16 -> (x, at, s, o, search) -> s.set(Bytes.SHORT, o, Bfloat16.encode(x[at]));
            case Q8_0 -> SmallBlockEncoders::q8_0;
            case Q4_0 -> SmallBlockEncoders::q4_0;
            case Q4_1 -> SmallBlockEncoders::q4_1;
            case Q5_0 -> SmallBlockEncoders::q5_0;
            case Q5_1 -> SmallBlockEncoders::q5_1;
            case MXFP4 -> SmallBlockEncoders::mxfp4;
            case IQ4_NL -> SmallBlockEncoders::iq4Nl;
            case IQ4_XS -> KEncoders::iq4Xs;
            case Q2_K -> KEncoders::q2;
            case Q3_K -> KEncoders::q3;
            case Q4_K -> KEncoders::q4;
            case Q5_K -> KEncoders::q5;
            case Q6_K -> KEncoders::q6;
            default -> null;
        };
    }
}
