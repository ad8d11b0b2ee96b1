package dev.cadre.kernels.format;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** The table of codecs. */
final class Codecs {
    private static final BlockCodec[] TABLE = new BlockCodec[BlockFormat.values().length];

    static {
        for (BlockFormat format : BlockFormat.values()) {
            TABLE[format.ordinal()] = new Blockwise(format, decoder(format));
        }
    }

    private Codecs() {}

    static BlockCodec of(BlockFormat format) {
        return TABLE[format.ordinal()];
    }

    /** Decodes the one block at byte {@code o} of {@code s} to {@code y[at..]}. */
    @FunctionalInterface
    interface BlockDecoder {
        void decode(MemorySegment s, long o, float[] y, int at);
    }

    private record Blockwise(BlockFormat format, BlockDecoder decoder) implements BlockCodec {
        @Override
        public void decode(MemorySegment src, long byteOffset, float[] dst, int dstIndex, int count) {
            long bytes = format.bytes(count);
            Objects.checkFromIndexSize(dstIndex, count, dst.length);
            Objects.checkFromIndexSize(byteOffset, bytes, src.byteSize());
            int step = format.blockElements();
            long at = byteOffset;
            try {
                for (int i = 0; i < count; i += step) {
                    decoder.decode(src, at, dst, dstIndex + i);
                    at += format.blockBytes();
                }
            } catch (IndexOutOfBoundsException e) {
                // all bounds were checked above: an index from a page that is gone, see LookupTables
                throw new InternalError("a fault occurred while a mapped block was read", e);
            }
        }
    }

    private static BlockDecoder decoder(BlockFormat format) {
        return switch (format) {
            case F32 -> PlainCodecs::f32;
            case F16 -> PlainCodecs::f16;
            case BF16 -> PlainCodecs::bf16;
            case F64 -> PlainCodecs::f64;
            case I8 -> PlainCodecs::i8;
            case I16 -> PlainCodecs::i16;
            case I32 -> PlainCodecs::i32;
            case I64 -> PlainCodecs::i64;
            case U8, BOOL -> PlainCodecs::u8;
            case U16 -> PlainCodecs::u16;
            case U32 -> PlainCodecs::u32;
            case U64 -> PlainCodecs::u64;
            case F8_E4M3 -> PlainCodecs::e4m3;
            case F8_E5M2 -> PlainCodecs::e5m2;
            case F8_E8M0 -> PlainCodecs::e8m0;
            case Q1_0 -> SmallBlockCodecs::q1_0;
            case Q2_0 -> SmallBlockCodecs::q2_0;
            case Q4_0 -> SmallBlockCodecs::q4_0;
            case Q4_1 -> SmallBlockCodecs::q4_1;
            case Q5_0 -> SmallBlockCodecs::q5_0;
            case Q5_1 -> SmallBlockCodecs::q5_1;
            case Q8_0 -> SmallBlockCodecs::q8_0;
            case Q8_1 -> SmallBlockCodecs::q8_1;
            case IQ4_NL -> SmallBlockCodecs::iq4Nl;
            case MXFP4 -> SmallBlockCodecs::mxfp4;
            case NVFP4 -> SmallBlockCodecs::nvfp4;
            case INT4_PAIRS -> SmallBlockCodecs::int4Pairs;
            case FP4_PAIRS -> SmallBlockCodecs::fp4Pairs;
            case Q2_K -> KCodecs::q2;
            case Q3_K -> KCodecs::q3;
            case Q4_K -> KCodecs::q4;
            case Q5_K -> KCodecs::q5;
            case Q6_K -> KCodecs::q6;
            case Q8_K -> KCodecs::q8;
            case IQ4_XS -> KCodecs::iq4Xs;
            case TQ1_0 -> KCodecs::tq1;
            case TQ2_0 -> KCodecs::tq2;
            case IQ1_S -> CodebookCodecs::iq1S;
            case IQ1_M -> CodebookCodecs::iq1M;
            case IQ2_XXS -> CodebookCodecs::iq2Xxs;
            case IQ2_XS -> CodebookCodecs::iq2Xs;
            case IQ2_S -> CodebookCodecs::iq2S;
            case IQ3_XXS -> CodebookCodecs::iq3Xxs;
            case IQ3_S -> CodebookCodecs::iq3S;
        };
    }
}
