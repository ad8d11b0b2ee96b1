/**
 * Tensor types, block formats, scalar and SIMD kernels, and the worker team that runs them.
 *
 * <p>The Vector API is an incubator module: run with {@code --add-modules jdk.incubator.vector}. Without it the scalar
 * kernels run and one warning says so.
 */
module dev.cadre.kernels {
    requires org.slf4j;
    requires static jdk.incubator.vector;

    exports dev.cadre.kernels;
    exports dev.cadre.kernels.format;
}
