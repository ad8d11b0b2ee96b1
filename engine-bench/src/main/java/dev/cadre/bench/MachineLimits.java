package dev.cadre.bench;

import java.util.Comparator;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * What this machine can do, measured now: the yardstick that every benchmark prints beside its own figures.
 *
 * @param readBandwidth bytes per second that all threads together read from memory, far beyond the caches
 * @param fmaRate float32 multiply-adds per second of all threads together, from registers
 * @param threads number of threads
 */
public record MachineLimits(double readBandwidth, double fmaRate, int threads) {
    private static final int ROUNDS = 9;

    /** Measures with {@code threads} threads, in about two seconds; see {@link LimitsProbe}. */
    public static MachineLimits measure(int threads) {
        try (LimitsProbe probe = new LimitsProbe(threads)) {
            return median(Stream.generate(probe::sample).limit(ROUNDS).toList());
        }
    }

    /** The median of each figure. */
    static MachineLimits median(List<MachineLimits> samples) {
        return new MachineLimits(
                median(samples, MachineLimits::readBandwidth),
                median(samples, MachineLimits::fmaRate),
                samples.getFirst().threads());
    }

    private static double median(List<MachineLimits> samples, ToDoubleFunction<MachineLimits> figure) {
        List<MachineLimits> sorted =
                samples.stream().sorted(Comparator.comparingDouble(figure)).toList();
        return figure.applyAsDouble(sorted.get(sorted.size() / 2));
    }
}
