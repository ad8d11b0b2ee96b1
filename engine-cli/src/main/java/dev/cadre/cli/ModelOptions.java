package dev.cadre.cli;

import dev.cadre.core.KvPrecision;
import dev.cadre.core.LoadOptions;
import dev.cadre.core.ModelInspection;
import dev.cadre.core.MoeModel;
import dev.cadre.core.SessionOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Which model, and how it is loaded. */
final class ModelOptions {
    /** Bytes of one position's float32 cache up to which a model is small. */
    private static final long SMALL_BYTES = 8 << 10;

    /** Positions of a page. */
    private static final int PAGE = 64;

    @Option(
            names = "--model",
            paramLabel = "PATH",
            description = "A GGUF file or a Hugging Face folder; the bundled model by default.")
    private Path model;

    @Option(names = "--threads", paramLabel = "N", description = "Worker threads; physical cores by default.")
    private Integer threads;

    @Option(
            names = "--context",
            paramLabel = "N",
            description = "Most positions of the session; the model's own limit by default.")
    private int context;

    @Option(
            names = "--kv",
            paramLabel = "TYPE",
            description = "Precision of the key-value cache: ${COMPLETION-CANDIDATES}. By default FP8; F32 for logits"
                    + " and perplexity, and for run with small models (at most 8 KiB for a position in F32).")
    private KvPrecision kv;

    @Option(
            names = "--kv-file",
            paramLabel = "PATH",
            description = "Keep the key-value cache in this file, which is made for it and deleted afterwards.")
    private Path kvFile;

    @Option(
            names = "--kv-bytes",
            paramLabel = "SIZE",
            description = "Most bytes of the key-value cache, such as 48G; by default half of the memory,"
                    + " or with --kv-file what the disk holds.")
    private String kvBytes;

    @Option(
            names = "--prefix-cache",
            paramLabel = "SIZE",
            description = "Most bytes that the beginnings of earlier prompts keep; an eighth of the memory by default,"
                    + " 0 for none.")
    private String prefixCache;

    @Option(
            names = "--chunk",
            paramLabel = "N",
            description = "Most prompt tokens that go through the model at once; 512 by default.")
    private Integer chunk;

    ModelOptions() {}

    /** The model named on the command line, or the bundled one. */
    Path path() {
        if (model != null) {
            return model;
        }
        String home = System.getProperty("cadre.home", ".");
        Path bundled = Path.of(home, "models", "cadre-demo.gguf");
        if (!Files.isRegularFile(bundled)) {
            throw new UserException("there is no bundled model at " + bundled + "; name one with --model");
        }
        return bundled;
    }

    int context() {
        return context;
    }

    SessionOptions sessionOptions() {
        return SessionOptions.ofContext(context);
    }

    LoadOptions loadOptions() {
        LoadOptions options = LoadOptions.defaults();
        if (kv != null) {
            options = options.withCachePrecision(kv);
        }
        if (threads != null) {
            options = options.withThreads(threads);
        }
        if (kvBytes != null) {
            options = options.withCacheBytes(ByteSize.parse("--kv-bytes", kvBytes));
        }
        if (kvFile != null) {
            options = options.withCacheFile(kvFile, kvBytes == null ? Long.MAX_VALUE : options.cacheBytes());
        }
        if (prefixCache != null) {
            options = options.withPrefixCacheBytes(ByteSize.parse("--prefix-cache", prefixCache));
        }
        return chunk == null ? options : options.withPrefillChunk(chunk);
    }

    /** Loads a model to generate with. */
    MoeModel loadToRun() {
        LoadOptions options = loadOptions();
        return MoeModel.load(path(), kv == null && isSmall() ? options.withCachePrecision(KvPrecision.F32) : options);
    }

    /** Whether FP8 would save next to nothing: exact results are then worth more. */
    private boolean isSmall() {
        return ModelInspection.of(path(), PAGE, KvPrecision.F32).cacheBytes() <= PAGE * SMALL_BYTES;
    }

    /** Loads a model to evaluate its weights with: caches are exact unless the command line says otherwise. */
    MoeModel loadToEvaluate() {
        LoadOptions options = withoutPrefixCache();
        return MoeModel.load(path(), kv == null ? options.withCachePrecision(KvPrecision.F32) : options);
    }

    /** Options for measuring, where nothing is to be found that an earlier run has computed. */
    LoadOptions withoutPrefixCache() {
        return loadOptions().withPrefixCacheBytes(0);
    }
}
