/** GGUF files: reader and writer. Not exported. */
package dev.cadre.weights.gguf;
