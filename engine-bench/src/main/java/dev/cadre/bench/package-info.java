/** Measuring: what the machine can do, and which part of it the engine reaches. */
package dev.cadre.bench;
