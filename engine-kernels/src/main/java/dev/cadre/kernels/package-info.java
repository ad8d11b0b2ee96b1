/**
 * Kernels: the arithmetic of a transformer on rows of numbers.
 *
 * <p>Glossary, used in every comment on shapes: T tokens (rows of a batch), H hidden size, E routed experts, K the
 * inner dimension of a product, N its output rows. Activations are {@code float[]} with an {@code int} element index;
 * weights are memory segments with {@code long} byte offsets.
 */
package dev.cadre.kernels;
