/** Conversion from Hugging Face names and layouts to those of GGUF. Not exported. */
package dev.cadre.weights.convert;
