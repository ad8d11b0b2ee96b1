package dev.cadre.bench;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * What a benchmark's operations move and multiply, beside the limits of one thread of this machine, which are taken in
 * the same JVM before each iteration. JMH divides each public figure by the seconds of the iteration.
 */
@AuxCounters
@State(Scope.Thread)
public class Rates {
    private static final long BRIEF_BYTES = 16L << 20;
    private static final int BRIEF_STEPS = 1000;

    /** Bytes, in GB. */
    public double gigabytes;

    /** Multiply-adds, in G. */
    public double multiplyAdds;

    /** Bytes, in percent of the read bandwidth; above 100 where they come from the caches. */
    public double percentOfBandwidth;

    /** Multiply-adds, in percent of the machine's. */
    public double percentOfMultiplyAdds;

    private LimitsProbe probe;
    private MachineLimits limits;

    /** Made by JMH. */
    public Rates() {}

    /** Gets ready to measure the machine. */
    @Setup(Level.Trial)
    public void open() {
        probe = Boolean.getBoolean(KernelBenchmarks.BRIEF)
                ? new LimitsProbe(1, BRIEF_BYTES, BRIEF_STEPS, 0)
                : new LimitsProbe(1);
    }

    /** Measures it. */
    @Setup(Level.Iteration)
    public void sample() {
        limits = probe.sample();
    }

    /** Gives its memory back. */
    @TearDown(Level.Trial)
    public void close() {
        probe.close();
    }

    /** Counts one operation. */
    public void add(double bytes, double products) {
        gigabytes += bytes / 1e9;
        multiplyAdds += products / 1e9;
        percentOfBandwidth += 100 * bytes / limits.readBandwidth();
        percentOfMultiplyAdds += 100 * products / limits.fmaRate();
    }
}
