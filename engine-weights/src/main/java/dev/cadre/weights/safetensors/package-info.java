/** Hugging Face folders and their safetensors files. Not exported. */
package dev.cadre.weights.safetensors;
