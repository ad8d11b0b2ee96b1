package dev.cadre.core;

import dev.cadre.core.cache.RandomFill;
import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.ModelConfig;

/** Doors for benchmarks and tests, of no use for generating text. */
public final class Diagnostics {
    private Diagnostics() {}

    /** Where the time of this model's steps goes. */
    public static PhaseTimes phaseTimes(MoeModel model) {
        return ((DefaultMoeModel) model).engine().times();
    }

    /** Bytes of the cache pages that a session holds, those included that it shares with others. */
    public static long cacheBytes(Session session) {
        DefaultSession s = (DefaultSession) session;
        return s.engine().exclusively(s.cache()::bytes);
    }

    /** Multiply-adds that the indexers of all layers together spend on one earlier position for one query. */
    public static long indexProductsPerPosition(MoeModel model) {
        long products = 0;
        for (ModelConfig.Layer layer :
                ((DefaultMoeModel) model).engine().config().layers()) {
            if (layer.attention() instanceof AttentionConfig.Latent latent && latent.ownsIndexer()) {
                products += (long) latent.indexer().heads() * latent.indexer().width();
            }
        }
        return products;
    }

    /**
     * Appends positions whose cache content is random, of the size that norms give it, instead of computed: speed at
     * any depth can be measured without the prefill. What the model says afterwards has no meaning.
     *
     * @param count positions to append
     * @throws InvalidRequestException if the context holds fewer
     * @throws CacheFullException if cache memory runs out; nothing is then changed
     */
    public static void appendRandom(Session session, int count, long seed) {
        DefaultSession s = (DefaultSession) session;
        if (count < 0 || count > s.context() - s.position()) {
            throw new InvalidRequestException("cannot append " + count + " random positions after " + s.position()
                    + ", within a context of " + s.context());
        }
        s.engine().exclusively(() -> {
            RandomFill.append(
                    s.cache(),
                    s.engine().config(),
                    count,
                    seed,
                    s.engine().team().workers());
            return null;
        });
    }
}
