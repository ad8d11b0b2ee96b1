package dev.cadre.weights.convert;

import dev.cadre.weights.Metadata;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** What llama.cpp's llama4 takes for granted: GGUF has no keys for it, so anything else is refused. */
final class Llama4Layout {
    private static final int CHUNK = 8192;
    private static final int UNROTATED_STEP = 4;
    /** With this many experts, Maverick's, queries and keys are not normed. */
    private static final int EXPERTS_WITHOUT_NORM = 128;

    private Llama4Layout() {}

    static void check(Metadata c, GroupedSizes s) {
        same(c, "attention_chunk_size", c.intOr("attention_chunk_size", CHUNK), CHUNK);
        same(c, "floor_scale", c.doubleOr("floor_scale", CHUNK), (double) CHUNK);
        same(c, "attn_scale", c.doubleOr("attn_scale", 0.1), 0.1);
        same(c, "attn_temperature_tuning", c.booleanOr("attn_temperature_tuning", true), true);
        same(c, "use_qk_norm", c.booleanOr("use_qk_norm", true), s.experts != EXPERTS_WITHOUT_NORM);
        int[] rotated = c.intsOrNull("no_rope_layers");
        if (rotated == null || rotated.length == 0) {
            same(c, "no_rope_layer_interval", c.intOr("no_rope_layer_interval", UNROTATED_STEP), UNROTATED_STEP);
        } else {
            for (int i = 0; i < Math.min(s.layers, rotated.length); i++) {
                same(c, "no_rope_layers[" + i + "]", rotated[i], (i + 1) % UNROTATED_STEP == 0 ? 0 : 1);
            }
        }
        List<String> types = c.stringsOrNull("layer_types");
        for (int i = 0; types != null && i < Math.min(s.layers, types.size()); i++) {
            String implied = (i + 1) % UNROTATED_STEP == 0 ? "full_attention" : "chunked_attention";
            same(c, "layer_types[" + i + "]", types.get(i), implied);
        }
        int[] sparse = c.intsOrNull("moe_layers");
        int step = Math.max(1, c.intOr("interleave_moe_layer_step", 1));
        int[] stepped =
                IntStream.range(0, s.layers).filter(i -> (i + 1) % step == 0).toArray();
        if (sparse != null) {
            same(c, "moe_layers", Arrays.toString(sparse), Arrays.toString(stepped));
        }
    }

    private static void same(Metadata c, String key, Object found, Object implied) {
        if (!found.equals(implied)) {
            throw ConfigKeys.wrong(c, key, "is " + found + "; llama4 in GGUF implies " + implied);
        }
    }
}
