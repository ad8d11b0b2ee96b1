/**
 * Fuzz targets for the readers. They are plain classes that Jazzer's command line finds by their method
 * {@code fuzzerTestOneInput(byte[])}; {@code config/fuzz} runs them. The fast tests run every committed seed once.
 */
package dev.cadre.weights.fuzz;
