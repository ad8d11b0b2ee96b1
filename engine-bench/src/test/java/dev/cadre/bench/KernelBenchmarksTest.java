package dev.cadre.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.kernels.Kernels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/** The benchmarks run and give their figures. Nothing here asserts a time. */
class KernelBenchmarksTest {
    private static final double MOST_BYTES = 64;

    @TempDir
    private Path temp;

    @BeforeAll
    static void beBrief() {
        System.setProperty(KernelBenchmarks.BRIEF, "true");
        System.setProperty("jmh.ignoreLock", "true"); // others may measure on the same machine
    }

    private ChainedOptionsBuilder options() {
        return new OptionsBuilder()
                .param("megabytes", "1")
                .output(temp.resolve("log").toString())
                .shouldFailOnError(true);
    }

    /** Each once, in this JVM, interpreted. */
    @Test
    void allRun() throws RunnerException {
        Collection<RunResult> results = new Runner(options()
                        .param("format", "Q8_0")
                        .param("tokens", "4")
                        .warmupIterations(0)
                        .measurementIterations(1)
                        .measurementTime(TimeValue.milliseconds(1))
                        .forks(0)
                        .build())
                .run();
        Set<String> classes = new TreeSet<>();
        for (RunResult result : results) {
            String[] name = result.getParams().getBenchmark().split("\\.");
            classes.add(name[name.length - 2]);
            assertTrue(result.getSecondaryResults().get("gigabytes").getScore() > 0, String.join(".", name));
        }
        assertEquals(
                Set.of(
                        "AttentionBenchmark",
                        "CacheRowBenchmark",
                        "IndexBenchmark",
                        "MatrixBenchmark",
                        "RotationBenchmark",
                        "VectorMathBenchmark"),
                classes);
    }

    /**
     * Products of one token in a JVM of their own, until C2 has compiled them: then they allocate nothing. One vector
     * that is an object costs 80 bytes and more, in each row at least. A slow machine gets a second, longer chance.
     */
    @ParameterizedTest
    @ValueSource(strings = {"Q8_0", "Q4_K", "MXFP4", "BF16", "INT4_PAIRS"})
    void compiledProductsAllocateNothing(String format) throws RunnerException {
        String kernels = Kernels.lookup().name();
        if (System.getProperty("cadre.test.requireKernels", "any").equals("vector")) {
            assertTrue(kernels.startsWith("vector"), kernels);
        }
        List<Double> bytes = allocated(format, 16);
        if (Collections.min(bytes) > MOST_BYTES) {
            bytes = allocated(format, 100);
        }
        assertTrue(
                Collections.min(bytes) <= MOST_BYTES,
                kernels + " kernels allocate for each product, in all iterations: " + bytes);
    }

    /** Bytes for each product, in iterations of a quarter of a second. */
    private List<Double> allocated(String format, int iterations) throws RunnerException {
        RunResult result = new Runner(options()
                        .include(MatrixBenchmark.class.getSimpleName())
                        .param("format", format)
                        .param("tokens", "1")
                        .warmupIterations(0)
                        .measurementIterations(iterations)
                        .measurementTime(TimeValue.milliseconds(250))
                        .forks(1)
                        .jvmArgsAppend("-D" + KernelBenchmarks.BRIEF + "=true")
                        .addProfiler(GCProfiler.class)
                        .build())
                .runSingle();
        List<Double> bytes = new ArrayList<>();
        for (BenchmarkResult fork : result.getBenchmarkResults()) {
            for (IterationResult iteration : fork.getIterationResults()) {
                bytes.add(iteration
                        .getSecondaryResults()
                        .get("gc.alloc.rate.norm")
                        .getScore());
            }
        }
        assertEquals(iterations, bytes.size());
        return bytes;
    }
}
