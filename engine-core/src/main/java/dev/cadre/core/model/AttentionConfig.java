package dev.cadre.core.model;

/** How one layer attends. */
public sealed interface AttentionConfig {
    /** Query heads. */
    int heads();

    /**
     * Multi-head latent attention (DeepSeek-V2, 2024), optionally sparse (DeepSeek-V3.2, 2025).
     *
     * @param heads nH
     * @param queryRank rq, the width of the query bottleneck, or 0 if queries are projected directly
     * @param latentRank r, width of the latent that is cached for keys and values
     * @param nopeWidth dn, dimensions of a head without rotation
     * @param ropeWidth dr, rotated dimensions, shared by all heads in the key
     * @param valueWidth dv
     * @param scale factor on the scores, (dn + dr)^−½ and any YaRN correction
     * @param latentNormEps eps of the norms of both bottlenecks
     * @param rope rotation of the last dr dimensions
     * @param indexer the lightning indexer, or null for dense attention
     * @param sharesSelection this layer has no indexer of its own and takes the positions that the nearest layer
     *     below selected
     * @param temperature grows queries with their position, or null
     */
    record Latent(
            int heads,
            int queryRank,
            int latentRank,
            int nopeWidth,
            int ropeWidth,
            int valueWidth,
            float scale,
            float latentNormEps,
            RopeConfig rope,
            IndexerConfig indexer,
            boolean sharesSelection,
            Temperature temperature)
            implements AttentionConfig {
        public Latent {
            if (heads < 1) {
                throw new IllegalArgumentException("attention cannot have " + heads + " heads");
            }
        }

        /** Width of one query head: dn + dr. */
        public int queryWidth() {
            return nopeWidth + ropeWidth;
        }

        /** Width of one cached row: r + dr. */
        public int cacheWidth() {
            return latentRank + ropeWidth;
        }

        /** Whether index keys are computed and cached on this layer. */
        public boolean ownsIndexer() {
            return indexer != null && !sharesSelection;
        }
    }

    /**
     * Grouped-query attention (Ainslie et al., 2023): several query heads share one key and value head.
     *
     * @param heads nH
     * @param keyValueHeads heads of keys and values, a divisor of nH
     * @param headWidth dh
     * @param scale factor on the scores
     * @param rope rotation of the first dimensions of a head, or null for none
     * @param span which positions a query sees
     * @param norm normalisation of queries and keys
     * @param normEps its eps
     * @param biases queries, keys and values have a bias
     * @param outputBias the output projection has one
     * @param sinks each head has a logit that takes part in the softmax's sum only
     * @param clip queries, keys and values are clamped to ± this; infinity for no clamping
     * @param temperature grows queries with their position, or null
     */
    record Grouped(
            int heads,
            int keyValueHeads,
            int headWidth,
            float scale,
            RopeConfig rope,
            Span span,
            QueryKeyNorm norm,
            float normEps,
            boolean biases,
            boolean outputBias,
            boolean sinks,
            float clip,
            Temperature temperature)
            implements AttentionConfig {
        public Grouped {
            if (heads < 1 || keyValueHeads < 1 || heads % keyValueHeads != 0) {
                throw new IllegalArgumentException(
                        heads + " query heads cannot share " + keyValueHeads + " key and value heads");
            }
            if (rope != null && rope.width() > headWidth) {
                throw new IllegalArgumentException(
                        "a rotation of " + rope.width() + " dimensions is wider than a head of " + headWidth);
            }
        }

        /** Query heads that share one key and value head. */
        public int group() {
            return heads / keyValueHeads;
        }
    }

    /** Where queries and keys are normalised. */
    enum QueryKeyNorm {
        NONE,
        /** RMSNorm with weights over each head, before the rotation. */
        HEAD,
        /** RMSNorm with weights over all heads together, before the rotation. */
        WHOLE,
        /** RMSNorm without weights over each head, after the rotation. */
        PLAIN_AFTER_ROTATION
    }

    /**
     * The positions that a query at position p sees, up to p itself.
     *
     * @param window only the last {@code window} ones; 0 for no such limit
     * @param chunk only those of its own chunk of this many positions; 0 for no chunks
     */
    record Span(int window, int chunk) {
        /** Everything. */
        public static final Span ALL = new Span(0, 0);

        /** The first position that a query at {@code position} sees. */
        public int first(int position) {
            int first = window > 0 ? Math.max(0, position - window + 1) : 0;
            return chunk > 0 ? Math.max(first, position / chunk * chunk) : first;
        }
    }

    /**
     * Queries grow with their position: by 1 + strength · ln(1 + floor((p + offset) / floor)).
     *
     * @param strength beta
     * @param floor positions for one step
     * @param offset added to the position
     */
    record Temperature(float strength, float floor, int offset) {
        public Temperature {
            if (!(floor > 0)) {
                throw new IllegalArgumentException("a temperature cannot grow every " + floor + " positions");
            }
        }

        /** The factor at a position. */
        public float at(int position) {
            return (float) (1 + strength * Math.log1p(Math.floor((position + offset) / floor)));
        }
    }

    /**
     * The lightning indexer of DeepSeek sparse attention.
     *
     * @param heads Hi
     * @param width Di, dimensions of an index key
     * @param topK positions that attention keeps for one query
     * @param normEps eps of the LayerNorm on keys
     * @param rope rotation of the first dr dimensions
     */
    record IndexerConfig(int heads, int width, int topK, float normEps, RopeConfig rope) {
        public IndexerConfig {
            if (heads < 1 || topK < 1) {
                throw new IllegalArgumentException(
                        "an indexer with " + heads + " heads cannot keep " + topK + " positions");
            }
        }
    }
}
