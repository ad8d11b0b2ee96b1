package dev.cadre.weights;

import dev.cadre.kernels.format.BlockFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Small files for tests. */
final class TestFiles {
    private TestFiles() {}

    static Path write(Path file, byte[] bytes) {
        try {
            Files.createDirectories(file.getParent());
            return Files.write(file, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Path write(Path file, String text) {
        return write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    /** A safetensors file of this header and as many zeros of data. */
    static byte[] safetensors(String header, int dataBytes) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + json.length + dataBytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length)
                .put(json)
                .array();
    }

    /** A folder with an empty config and one file of small numbers; for each tensor a name and "TYPE dim,dim". */
    static void safetensorsFolder(Path folder, String... namesAndTypes) {
        StringBuilder header = new StringBuilder();
        int end = 0;
        for (int i = 0; i < namesAndTypes.length; i += 2) {
            String[] type = namesAndTypes[i + 1].split(" ");
            int bytes = BlockFormat.valueOf(type[0]).blockBytes();
            for (String dimension : type[1].split(",")) {
                bytes *= Integer.parseInt(dimension);
            }
            header.append(i == 0 ? "{" : ",").append(entry(namesAndTypes[i], type[0], type[1], end, end + bytes));
            end += bytes;
        }
        byte[] file = safetensors(header + "}", end);
        Random random = new Random(3);
        for (int i = file.length - end; i < file.length; i++) {
            // as the high byte of a float or as FP8 this is a small finite number
            file[i] = (byte) (0x30 + random.nextInt(16));
        }
        write(folder.resolve("config.json"), "{}");
        write(folder.resolve("model.safetensors"), file);
    }

    /** A tiny GLM-DSA folder: FP8 weights, fused experts, one dense, one sparse and one prediction layer. */
    static void glmDsaFolder(Path folder, int vocabulary) {
        List<String> t = new ArrayList<>();
        tensor(t, "model.embed_tokens.weight", "BF16", vocabulary + ",64");
        tensor(t, "lm_head.weight", "BF16", vocabulary + ",64");
        tensor(t, "model.norm.weight", "BF16", "64");
        for (int layer = 0; layer < 3; layer++) {
            glmDsaLayer(t, "model.layers." + layer + ".", layer);
        }
        safetensorsFolder(folder, t.toArray(String[]::new));
        write(folder.resolve("config.json"), """
                {"model_type": "glm_moe_dsa", "vocab_size": %d, "hidden_size": 64, "num_hidden_layers": 2,
                 "num_nextn_predict_layers": 1, "intermediate_size": 96, "num_attention_heads": 2, "q_lora_rank": 32,
                 "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16,
                 "n_routed_experts": 4, "num_experts_per_tok": 2, "n_shared_experts": 1, "moe_intermediate_size": 32,
                 "first_k_dense_replace": 1, "index_n_heads": 2, "index_head_dim": 16, "index_topk": 8,
                 "indexer_types": ["full", "shared"], "max_position_embeddings": 4096,
                 "rope_parameters": {"rope_theta": 10000, "rope_type": "default"}, "norm_topk_prob": true,
                 "routed_scaling_factor": 2.5}
                """.formatted(vocabulary));
    }

    /** A gpt-oss folder of one layer with MXFP4 experts. */
    static void gptOssFolder(Path folder) {
        List<String> t = new ArrayList<>();
        tensor(t, "model.embed_tokens.weight", "BF16", "16,64");
        tensor(t, "lm_head.weight", "BF16", "16,64");
        tensor(t, "model.norm.weight", "BF16", "64");
        String p = "model.layers.0.";
        tensor(t, p + "input_layernorm.weight", "BF16", "64");
        tensor(t, p + "post_attention_layernorm.weight", "BF16", "64");
        tensor(t, p + "self_attn.q_proj.weight", "BF16", "32,64");
        tensor(t, p + "self_attn.k_proj.weight", "BF16", "16,64");
        tensor(t, p + "self_attn.v_proj.weight", "BF16", "16,64");
        tensor(t, p + "self_attn.o_proj.weight", "BF16", "64,32");
        tensor(t, p + "self_attn.sinks", "BF16", "4");
        tensor(t, p + "mlp.router.weight", "BF16", "2,64");
        tensor(t, p + "mlp.router.bias", "BF16", "2");
        tensor(t, p + "mlp.experts.gate_up_proj_blocks", "U8", "2,64,2,16");
        tensor(t, p + "mlp.experts.gate_up_proj_scales", "U8", "2,64,2");
        tensor(t, p + "mlp.experts.gate_up_proj_bias", "BF16", "2,64");
        tensor(t, p + "mlp.experts.down_proj_blocks", "U8", "2,64,1,16");
        tensor(t, p + "mlp.experts.down_proj_scales", "U8", "2,64,1");
        tensor(t, p + "mlp.experts.down_proj_bias", "BF16", "2,64");
        safetensorsFolder(folder, t.toArray(String[]::new));
        write(folder.resolve("config.json"), """
                {"model_type": "gpt_oss", "vocab_size": 16, "hidden_size": 64, "num_hidden_layers": 1,
                 "intermediate_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
                 "num_local_experts": 2, "num_experts_per_tok": 1, "max_position_embeddings": 4096,
                 "sliding_window": 128, "rope_theta": 150000}
                """);
    }

    private static void glmDsaLayer(List<String> t, String p, int layer) {
        tensor(t, p + "input_layernorm.weight", "BF16", "64");
        tensor(t, p + "post_attention_layernorm.weight", "BF16", "64");
        fp8(t, p + "self_attn.q_a_proj.weight", "32,64", "1,1");
        tensor(t, p + "self_attn.q_a_layernorm.weight", "BF16", "32");
        fp8(t, p + "self_attn.q_b_proj.weight", "48,32", "1,1");
        fp8(t, p + "self_attn.kv_a_proj_with_mqa.weight", "40,64", "1,1");
        tensor(t, p + "self_attn.kv_a_layernorm.weight", "BF16", "32");
        fp8(t, p + "self_attn.kv_b_proj.weight", "64,32", "1,1");
        fp8(t, p + "self_attn.o_proj.weight", "64,32", "1,1");
        if (layer != 1) {
            fp8(t, p + "self_attn.indexer.wq_b.weight", "32,32", "1,1");
            fp8(t, p + "self_attn.indexer.wk.weight", "16,64", "1,1");
            tensor(t, p + "self_attn.indexer.k_norm.weight", "F32", "16");
            tensor(t, p + "self_attn.indexer.k_norm.bias", "F32", "16");
            tensor(t, p + "self_attn.indexer.weights_proj.weight", "BF16", "2,64");
        }
        if (layer == 0) {
            glu(t, p + "mlp.", 96);
            return;
        }
        tensor(t, p + "mlp.gate.weight", "F32", "4,64");
        tensor(t, p + "mlp.gate.e_score_correction_bias", "F32", "4");
        fp8(t, p + "mlp.experts.gate_up_proj", "4,64,64", "4,1,1");
        fp8(t, p + "mlp.experts.down_proj", "4,64,32", "4,1,1");
        glu(t, p + "mlp.shared_experts.", 32);
        if (layer == 2) {
            tensor(t, p + "eh_proj.weight", "BF16", "64,128");
            tensor(t, p + "enorm.weight", "BF16", "64");
            tensor(t, p + "hnorm.weight", "BF16", "64");
            tensor(t, p + "shared_head.norm.weight", "BF16", "64");
        }
    }

    private static void glu(List<String> t, String p, int width) {
        fp8(t, p + "gate_proj.weight", width + ",64", "1,1");
        fp8(t, p + "up_proj.weight", width + ",64", "1,1");
        fp8(t, p + "down_proj.weight", "64," + width, "1,1");
    }

    private static void fp8(List<String> t, String name, String shape, String scales) {
        tensor(t, name, "F8_E4M3", shape);
        tensor(t, name + "_scale_inv", "F32", scales);
    }

    private static void tensor(List<String> t, String name, String type, String shape) {
        t.add(name);
        t.add(type + " " + shape);
    }

    static String entry(String name, String dtype, String shape, Object begin, Object end) {
        return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + shape + "],\"data_offsets\":[" + begin
                + "," + end + "]}";
    }
}
