package dev.cadre.bench;

import dev.cadre.kernels.WorkerTeam;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * What this machine can do, measured now: the yardstick that every benchmark prints beside its own figures.
 *
 * @param readBandwidth bytes per second that all threads together read from memory, far beyond the caches
 * @param fmaRate float32 multiply-adds per second of all threads together, from registers
 * @param threads number of threads
 */
public record MachineLimits(double readBandwidth, double fmaRate, int threads) {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final long BYTES_PER_THREAD = 256L << 20;
    private static final int ROUNDS = 7;
    private static final int FMA_STEPS = 20_000_000;
    private static final int CHAINS = 12;

    /** Measures with {@code threads} threads; takes about two seconds and 256 MiB for each thread. */
    public static MachineLimits measure(int threads) {
        float[] sink = new float[threads * 64];
        try (WorkerTeam team = new WorkerTeam(threads, "cadre-limits");
                Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate(threads * BYTES_PER_THREAD, 4096);
            memory.fill((byte) 0);
            double read = threads
                    * BYTES_PER_THREAD
                    / medianSeconds(team, threads, (item, worker) -> sink[item * 64] += readAll(memory, item));
            double operations = (double) threads * CHAINS * F.length() * FMA_STEPS;
            double fma = operations / medianSeconds(team, threads, (item, worker) -> sink[item * 64] += fmaChains());
            return new MachineLimits(read, fma, threads);
        }
    }

    private static double medianSeconds(WorkerTeam team, int items, WorkerTeam.Task task) {
        double[] seconds = new double[ROUNDS];
        for (int i = -2; i < ROUNDS; i++) { // two rounds warm up
            long start = System.nanoTime();
            team.run(items, task);
            if (i >= 0) {
                seconds[i] = (System.nanoTime() - start) / 1e9;
            }
        }
        Arrays.sort(seconds);
        return seconds[ROUNDS / 2];
    }

    private static float readAll(MemorySegment memory, int part) {
        FloatVector a = FloatVector.zero(F);
        FloatVector b = FloatVector.zero(F);
        FloatVector c = FloatVector.zero(F);
        FloatVector d = FloatVector.zero(F);
        long step = 4L * F.vectorByteSize();
        long end = (part + 1) * BYTES_PER_THREAD;
        for (long at = part * BYTES_PER_THREAD; at < end; at += step) {
            a = a.add(FloatVector.fromMemorySegment(F, memory, at, ByteOrder.nativeOrder()));
            b = b.add(FloatVector.fromMemorySegment(F, memory, at + step / 4, ByteOrder.nativeOrder()));
            c = c.add(FloatVector.fromMemorySegment(F, memory, at + step / 2, ByteOrder.nativeOrder()));
            d = d.add(FloatVector.fromMemorySegment(F, memory, at + step / 4 * 3, ByteOrder.nativeOrder()));
        }
        return a.add(b).add(c.add(d)).lane(0);
    }

    /** Twelve independent chains: more than latency times units of any current core. */
    private static float fmaChains() {
        FloatVector m = FloatVector.broadcast(F, 0.999f);
        FloatVector n = FloatVector.broadcast(F, 0.001f);
        FloatVector a = n;
        FloatVector b = n;
        FloatVector c = n;
        FloatVector d = n;
        FloatVector e = n;
        FloatVector f = n;
        FloatVector g = n;
        FloatVector h = n;
        FloatVector i = n;
        FloatVector j = n;
        FloatVector k = n;
        FloatVector l = n;
        for (int step = 0; step < FMA_STEPS; step++) {
            a = a.fma(m, n);
            b = b.fma(m, n);
            c = c.fma(m, n);
            d = d.fma(m, n);
            e = e.fma(m, n);
            f = f.fma(m, n);
            g = g.fma(m, n);
            h = h.fma(m, n);
            i = i.fma(m, n);
            j = j.fma(m, n);
            k = k.fma(m, n);
            l = l.fma(m, n);
        }
        FloatVector sum = a.add(b)
                .add(c)
                .add(d)
                .add(e)
                .add(f)
                .add(g)
                .add(h)
                .add(i)
                .add(j)
                .add(k)
                .add(l);
        return sum.lane(0);
    }
}
