/** GGUF files: the reader. Not exported. */
package dev.cadre.weights.gguf;
