/** What the readers of both file formats share. Not exported. */
package dev.cadre.weights.internal;
