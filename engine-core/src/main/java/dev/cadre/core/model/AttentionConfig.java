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
            boolean sharesSelection)
            implements AttentionConfig {
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
     * The lightning indexer of DeepSeek sparse attention.
     *
     * @param heads Hi
     * @param width Di, dimensions of an index key
     * @param topK positions that attention keeps for one query
     * @param normEps eps of the LayerNorm on keys
     * @param rope rotation of the first dr dimensions
     */
    record IndexerConfig(int heads, int width, int topK, float normEps, RopeConfig rope) {}
}
