/** Readers and writers of checkpoints. */
package dev.cadre.weights;
