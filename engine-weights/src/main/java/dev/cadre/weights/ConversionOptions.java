package dev.cadre.weights;

import dev.cadre.kernels.format.BlockEncoder;
import dev.cadre.kernels.format.BlockFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * What a {@link CheckpointConverter} makes.
 *
 * @param type the format of matrices; vectors, norms and routers stay F32
 * @param rules exceptions from {@code type} by GGUF tensor name, the first that matches counts
 * @param name {@code general.name}, or null for the folder's name
 * @param write how files are written
 */
public record ConversionOptions(BlockFormat type, List<TypeRule> rules, String name, WriteOptions write) {
    /** Everything in {@code type}, one file. */
    public ConversionOptions(BlockFormat type) {
        this(type, List.of(), null, WriteOptions.DEFAULTS);
    }

    public ConversionOptions {
        Objects.requireNonNull(write);
        rules = List.copyOf(rules);
        requireWritable(type);
    }

    /**
     * A format for the tensors whose GGUF name contains a match of a pattern.
     *
     * @param pattern matched against names such as {@code blk.3.ffn_down_exps.weight}
     * @param type the format; where its block does not divide the rows, the usual fallback applies
     */
    public record TypeRule(Pattern pattern, BlockFormat type) {
        public TypeRule {
            Objects.requireNonNull(pattern);
            requireWritable(type);
        }

        /**
         * Reads {@code REGEX=TYPE}, as in {@code ffn_.*_exps=IQ4_XS}.
         *
         * @throws IllegalArgumentException if it is malformed or the type is not one that can be written
         */
        public static TypeRule parse(String text) {
            int equals = text.lastIndexOf('=');
            if (equals < 1) {
                throw new IllegalArgumentException("\"" + text + "\" is not REGEX=TYPE");
            }
            try {
                return new TypeRule(Pattern.compile(text.substring(0, equals)), parseType(text.substring(equals + 1)));
            } catch (PatternSyntaxException e) {
                throw new IllegalArgumentException("\"" + text + "\": " + e.getDescription(), e);
            }
        }
    }

    /**
     * The format of this name in any case.
     *
     * @throws IllegalArgumentException naming what is possible, if it is not one that can be written
     */
    public static BlockFormat parseType(String name) {
        for (BlockFormat format : BlockFormat.values()) {
            if (format.name().equalsIgnoreCase(name)) {
                requireWritable(format);
                return format;
            }
        }
        throw new IllegalArgumentException("unknown type \"" + name + "\"; possible are " + writable());
    }

    private static void requireWritable(BlockFormat format) {
        if (!BlockEncoder.supports(format)) {
            throw new IllegalArgumentException(format + " cannot be written; possible are " + writable());
        }
    }

    private static List<BlockFormat> writable() {
        List<BlockFormat> formats = new ArrayList<>(List.of(BlockFormat.values()));
        formats.removeIf(format -> !BlockEncoder.supports(format));
        return formats;
    }

    public ConversionOptions withRules(List<TypeRule> typeRules) {
        return new ConversionOptions(type, typeRules, name, write);
    }

    public ConversionOptions withName(String modelName) {
        return new ConversionOptions(type, rules, modelName, write);
    }

    public ConversionOptions withWrite(WriteOptions options) {
        return new ConversionOptions(type, rules, name, options);
    }
}
