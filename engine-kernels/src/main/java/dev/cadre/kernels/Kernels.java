package dev.cadre.kernels;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The kernels that this JVM runs: a scalar reference that works everywhere, or a Vector-API implementation.
 *
 * <p>{@link #lookup()} is the only place that chooses. The system property {@code cadre.kernels} ({@code scalar} or
 * {@code vector}) forces one.
 *
 * @param name {@code "scalar"}, or {@code "vector"} and the vector width in bits
 * @param matrices products with stored weights
 * @param math element-wise operations
 * @param cacheRows numbers of cache rows
 * @param attention queries against tiles of keys and values
 * @param index the lightning indexer's queries against tiles of its keys
 */
public record Kernels(
        String name,
        MatrixKernel matrices,
        VectorMath math,
        CacheRowKernel cacheRows,
        AttentionKernel attention,
        IndexKernel index) {
    private static final String VECTOR_MODULE = "jdk.incubator.vector";

    /**
     * The fastest kernels that work here.
     *
     * @throws IllegalStateException if {@code cadre.kernels} asks for kernels that this JVM cannot run
     */
    public static Kernels lookup() {
        return Chosen.KERNELS;
    }

    /** The scalar reference. */
    public static Kernels scalar() {
        return new Kernels(
                "scalar",
                new ScalarMatrixKernel(),
                new ScalarMath(),
                new ScalarCacheRows(),
                new ScalarAttention(),
                new ScalarIndex());
    }

    /**
     * The Vector-API kernels.
     *
     * @throws IllegalStateException if the module {@code jdk.incubator.vector} is missing
     */
    static Kernels vector() {
        if (!vectorModulePresent()) {
            throw new IllegalStateException("the vector kernels need the JVM flag --add-modules " + VECTOR_MODULE);
        }
        return new Kernels(
                "vector" + Lanes.BITS,
                new VectorMatrixKernel(),
                OpaqueKernels.math(new SimdMath()),
                OpaqueKernels.cacheRows(new VectorCacheRows()),
                OpaqueKernels.attention(new VectorAttention()),
                OpaqueKernels.index(new VectorIndex()));
    }

    static boolean vectorModulePresent() {
        return Kernels.class.getModule().getLayer() != null
                ? Kernels.class.getModule().getLayer().findModule(VECTOR_MODULE).isPresent()
                : ModuleLayer.boot().findModule(VECTOR_MODULE).isPresent();
    }

    private static Kernels choose(String wanted) {
        return switch (wanted) {
            case "scalar" -> scalar();
            case "vector" -> vector();
            case "" -> {
                if (vectorModulePresent()) {
                    yield vector();
                }
                Logger log = LoggerFactory.getLogger(Kernels.class);
                log.warn(
                        "The Vector API is not available, so slow scalar kernels run; start the JVM with"
                                + " --add-modules {}",
                        VECTOR_MODULE);
                yield scalar();
            }
            default ->
                throw new IllegalStateException(
                        "cadre.kernels is '" + wanted + "'; it must be 'scalar' or 'vector', or absent");
        };
    }

    /** Holder, so that the choice is made and logged once, on first use. */
    private static final class Chosen {
        static final Kernels KERNELS = choose(System.getProperty("cadre.kernels", ""));
    }
}
