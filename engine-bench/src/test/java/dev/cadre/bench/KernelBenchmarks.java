package dev.cadre.bench;

import dev.cadre.kernels.Kernels;
import java.io.IOException;
import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * Runs the benchmarks of single kernels with JMH's options, counts what they allocate, and prints a line of medians for
 * each. {@code config/bench-kernels} starts it.
 */
public final class KernelBenchmarks {
    /** A system property: takes the limits from little memory and without warming up, to see that benchmarks work. */
    static final String BRIEF = "cadre.bench.brief";

    private KernelBenchmarks() {}

    /** JMH's arguments: a pattern of names, {@code -p}, {@code -f}, {@code -rff} and so on; {@code -h} lists them. */
    public static void main(String[] args) throws RunnerException, CommandLineOptionException, IOException {
        CommandLineOptions line = new CommandLineOptions(args);
        if (line.shouldHelp()) {
            line.showHelp();
            return;
        }
        Runner runner = new Runner(new OptionsBuilder()
                .parent(line)
                .addProfiler(GCProfiler.class)
                .shouldFailOnError(true)
                .build());
        if (line.shouldList()) {
            runner.list();
            return;
        }
        if (line.shouldListWithParams()) {
            runner.listWithParams(line);
            return;
        }
        print(runner.run());
    }

    private static void print(Collection<RunResult> results) {
        System.out.printf(
                "%n%s kernels, one thread; of limit: of the bandwidth and multiply-adds measured beside%n%n",
                Kernels.lookup().name());
        System.out.printf(
                "%-68s %12s %8s %8s %8s %8s %10s%n",
                "benchmark", "ns/op", "GB/s", "of limit", "GFMA/s", "of limit", "bytes/op");
        results.stream()
                .sorted(Comparator.comparing(result -> name(result.getParams())))
                .forEach(result -> System.out.printf(
                        Locale.ROOT,
                        "%-68s %12.0f %8.2f %7.0f%% %8.2f %7.0f%% %10.1f%n",
                        name(result.getParams()),
                        1e9 / median(result.getPrimaryResult()),
                        score(result, "gigabytes"),
                        score(result, "percentOfBandwidth"),
                        score(result, "multiplyAdds"),
                        score(result, "percentOfMultiplyAdds"),
                        score(result, "gc.alloc.rate.norm")));
    }

    /** Class and method, and the parameters' values. */
    private static String name(BenchmarkParams params) {
        String[] path = params.getBenchmark().split("\\.");
        StringBuilder name = new StringBuilder(path[path.length - 2].replace("Benchmark", ""));
        name.append('.').append(path[path.length - 1]);
        for (String key : params.getParamsKeys()) {
            name.append(' ').append(key).append('=').append(params.getParam(key));
        }
        return name.toString();
    }

    private static double score(RunResult result, String figure) {
        Result<?> found = result.getSecondaryResults().get(figure);
        return found == null ? Double.NaN : median(found);
    }

    /** Of the iterations: the machine is not quiet in all of them. */
    private static double median(Result<?> result) {
        return result.getStatistics().getPercentile(50);
    }
}
