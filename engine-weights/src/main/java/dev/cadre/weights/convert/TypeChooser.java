package dev.cadre.weights.convert;

import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.ConversionOptions;

/** The format of each tensor. */
final class TypeChooser {
    private final ConversionOptions options;

    TypeChooser(ConversionOptions options) {
        this.options = options;
    }

    /** The format of the matrix {@code name} with rows of {@code columns} elements. */
    BlockFormat matrix(String name, long columns) {
        return matrix(name, columns, options.type());
    }

    /** As above, with another type for tensors that no rule names. */
    BlockFormat matrix(String name, long columns, BlockFormat fallback) {
        BlockFormat wanted = options.rules().stream()
                .filter(rule -> rule.pattern().matcher(name).find())
                .map(ConversionOptions.TypeRule::type)
                .findFirst()
                .orElse(fallback);
        return fitting(wanted, columns);
    }

    /** The wanted format, or what llama-quantize takes where its blocks do not divide the rows. */
    static BlockFormat fitting(BlockFormat wanted, long columns) {
        if (columns % wanted.blockElements() == 0) {
            return wanted;
        }
        BlockFormat smaller = wanted.blockElements() == 32
                ? BlockFormat.F16
                : switch (wanted) {
                    case Q4_K -> BlockFormat.Q5_0;
                    case Q5_K -> BlockFormat.Q5_1;
                    case Q6_K -> BlockFormat.Q8_0;
                    default -> BlockFormat.IQ4_NL;
                };
        return fitting(smaller, columns);
    }

    /** {@code general.file_type}, llama.cpp's number of a file that is mostly of one type; 1024 means "guessed". */
    static int fileType(BlockFormat format) {
        return switch (format) {
            case F32 -> 0;
            case F16 -> 1;
            case Q4_0 -> 2;
            case Q4_1 -> 3;
            case Q8_0 -> 7;
            case Q5_0 -> 8;
            case Q5_1 -> 9;
            case Q2_K -> 10;
            case Q3_K -> 11;
            case Q4_K -> 14;
            case Q5_K -> 16;
            case Q6_K -> 18;
            case IQ4_NL -> 25;
            case IQ4_XS -> 30;
            case BF16 -> 32;
            case MXFP4 -> 38;
            default -> 1024;
        };
    }
}
