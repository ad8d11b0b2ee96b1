package dev.cadre.core;

import dev.cadre.core.cache.CacheLayout;
import dev.cadre.core.forward.Team;
import dev.cadre.core.model.Families;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.core.model.ModelWeights;
import dev.cadre.core.model.WeightLoader;
import dev.cadre.core.tokenizer.Tokenizers;
import dev.cadre.weights.Checkpoint;
import java.nio.file.Path;

/** The one implementation of {@link MoeModel}. */
final class DefaultMoeModel implements MoeModel {
    private final Engine engine;
    private final Families.Described described;
    private final ModelInfo info;
    private final Tokenizer tokenizer;
    private final int[] stopTokens;

    private DefaultMoeModel(
            Engine engine, Families.Described described, ModelInfo info, Tokenizer tokenizer, int[] stopTokens) {
        this.engine = engine;
        this.described = described;
        this.info = info;
        this.tokenizer = tokenizer;
        this.stopTokens = stopTokens;
    }

    static DefaultMoeModel load(Path path, LoadOptions options) {
        Checkpoint checkpoint = Checkpoint.open(path);
        Team team = null;
        Families.Described described = null;
        try {
            described = Families.describe(checkpoint);
            team = Team.of(options.threads());
            ModelConfig config = described.config();
            ModelWeights weights = WeightLoader.load(config, described.weights(), team.kernels());
            CacheLayout layout = new CacheLayout(config, options.cachePrecision());
            Tokenizer tokenizer = Tokenizers.find(checkpoint);
            Engine engine = new Engine(config, weights, checkpoint, team, layout, options);
            ModelInfo info = new ModelInfo(
                    config.architecture(),
                    config.layers().size(),
                    config.hidden(),
                    config.vocabulary(),
                    config.contextLength(),
                    team.kernels().name(),
                    layout.bytesPerToken());
            return new DefaultMoeModel(
                    engine, described, info, tokenizer, Tokenizers.stopTokens(checkpoint, config, tokenizer));
        } catch (RuntimeException | Error e) {
            if (team != null) {
                team.close();
            }
            if (described != null) {
                described.close();
            }
            checkpoint.close();
            throw e;
        }
    }

    @Override
    public ModelInfo info() {
        return info;
    }

    @Override
    public Tokenizer tokenizer() {
        if (tokenizer == null) {
            throw new UnsupportedModelException(
                    "the checkpoint has no tokenizer (tokenizer.json or tokenizer.ggml.*); pass token ids instead");
        }
        return tokenizer;
    }

    /** The tokenizer, or null. */
    Tokenizer tokenizerOrNull() {
        return tokenizer;
    }

    boolean stops(int token) {
        for (int stop : stopTokens) {
            if (stop == token) {
                return true;
            }
        }
        return false;
    }

    @Override
    public Session newSession(SessionOptions options) {
        int context = options.context() == 0 ? info.contextLength() : options.context();
        return new DefaultSession(this, engine, engine.newCache(), context);
    }

    @Override
    public void close() {
        engine.close(described::close);
    }
}
