/** What both the engine and the converter must know of {@code config.json}. */
package dev.cadre.weights.config;
