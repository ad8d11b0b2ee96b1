package dev.cadre.core;

import dev.cadre.core.cache.CacheLayout;
import dev.cadre.core.forward.Team;
import dev.cadre.core.model.Families;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.core.model.ModelWeights;
import dev.cadre.core.model.WeightLoader;
import dev.cadre.core.model.WeightSource;
import dev.cadre.core.saved.Fingerprint;
import dev.cadre.core.saved.InputFile;
import dev.cadre.core.tokenizer.Tokenizers;
import dev.cadre.kernels.Matrix;
import dev.cadre.weights.Checkpoint;
import java.nio.file.Path;
import java.util.function.ToLongFunction;

/** The one implementation of {@link MoeModel}. */
final class DefaultMoeModel implements MoeModel {
    private final Engine engine;
    private final WeightSource weights;
    private final ModelInfo info;
    private final Tokenizer tokenizer;
    private final int[] stopTokens;
    private final SavedSessions saved;

    private DefaultMoeModel(
            Engine engine,
            WeightSource weights,
            ModelInfo info,
            Tokenizer tokenizer,
            int[] stopTokens,
            SavedSessions saved) {
        this.engine = engine;
        this.weights = weights;
        this.info = info;
        this.tokenizer = tokenizer;
        this.stopTokens = stopTokens;
        this.saved = saved;
    }

    static DefaultMoeModel load(Path path, LoadOptions options) {
        Checkpoint checkpoint = Checkpoint.open(path);
        Families.Described described = null;
        try {
            described = Families.describe(checkpoint);
            Tokenizer tokenizer = Tokenizers.find(checkpoint);
            int[] stops = Tokenizers.stopTokens(checkpoint, described.config(), tokenizer);
            return build(described.config(), described.weights(), checkpoint, tokenizer, stops, options);
        } catch (RuntimeException | Error e) {
            if (described != null) {
                described.close();
            }
            checkpoint.close();
            throw e;
        }
    }

    /** A model of weights that come from no checkpoint. */
    static DefaultMoeModel ofWeights(ModelConfig config, WeightSource weights, LoadOptions options) {
        try {
            return build(config, weights, null, null, config.stopTokens(), options);
        } catch (RuntimeException | Error e) {
            weights.close();
            throw e;
        }
    }

    private static DefaultMoeModel build(
            ModelConfig config,
            WeightSource source,
            Checkpoint checkpoint,
            Tokenizer tokenizer,
            int[] stopTokens,
            LoadOptions options) {
        Team team = Team.of(options.threads());
        try {
            ModelWeights weights = WeightLoader.load(config, source, team.kernels());
            CacheLayout layout = new CacheLayout(config, options.cachePrecision());
            ToLongFunction<Matrix> elements = w -> w.rows() * w.columns();
            ModelInfo info = new ModelInfo(
                    config.architecture(),
                    config.layers().size(),
                    config.hidden(),
                    config.vocabulary(),
                    config.contextLength(),
                    team.kernels().name(),
                    layout.bytesPerToken(),
                    weights.perToken(config, Matrix::bytes),
                    weights.perToken(config, elements),
                    weights.forLogits(config, elements));
            Engine engine = new Engine(config, weights, checkpoint, team, layout, options);
            SavedSessions saved = new SavedSessions(engine, () -> fingerprint(config, weights, tokenizer, team));
            return new DefaultMoeModel(engine, source, info, tokenizer, stopTokens, saved);
        } catch (RuntimeException | Error e) {
            team.close();
            throw e;
        }
    }

    private static byte[] fingerprint(ModelConfig config, ModelWeights weights, Tokenizer tokenizer, Team team) {
        Fingerprint fingerprint = new Fingerprint(
                (matrix, row, dst) -> team.kernels().matrices().decodeRow(matrix, row, dst, 0, team.workspaces()[0]));
        fingerprint.add(config).add(weights);
        if (tokenizer != null) {
            for (int id = 0; id < tokenizer.vocabularySize(); id++) {
                fingerprint.add(tokenizer.decode(id));
            }
        }
        return fingerprint.value();
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

    Engine engine() {
        return engine;
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
        return new DefaultSession(this, engine, engine.newCache(), contextOf(options));
    }

    @Override
    public Session restore(Path path, SessionOptions options) {
        return restore(path, options, InputFile.ON_DISK);
    }

    Session restore(Path path, SessionOptions options, InputFile.Opener disk) {
        int context = contextOf(options);
        SavedSessions.Restored restored = saved.restore(path, context, disk);
        return new DefaultSession(this, engine, restored.cache(), restored.unread(), context);
    }

    private int contextOf(SessionOptions options) {
        return options.context() == 0 ? info.contextLength() : options.context();
    }

    SavedSessions saved() {
        return saved;
    }

    @Override
    public void close() {
        engine.close(weights);
    }
}
