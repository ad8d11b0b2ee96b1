package dev.cadre.bench;

import dev.cadre.kernels.Kernels;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What the benchmarks of single kernels have in common: one thread, and a JVM of its own for each set of values. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 6, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 7, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(1)
public abstract class KernelBenchmark {
    /** What {@code -Dcadre.kernels} or the machine chooses. */
    protected final Kernels kernels = Kernels.lookup();

    private final SplittableRandom random = new SplittableRandom(5);

    /** Only for classes with benchmarks. */
    protected KernelBenchmark() {}

    /** The source of all random numbers of a benchmark. */
    protected SplittableRandom random() {
        return random;
    }

    /** Numbers between −1 and 1. */
    protected float[] randomFloats(int n) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = (float) random.nextDouble(-1, 1);
        }
        return values;
    }
}
