package dev.cadre.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.cadre.kernels.WorkerTeam;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Takes a machine's limits, again and again, since they change: a virtual machine's processors wander between cores
 * that share a pipeline, cores that share a way to memory, and cores that share nothing, and its bandwidth with them by
 * a factor of two. A sample takes some 50 ms, so that one can stand beside each run that it is to be compared with.
 *
 * <p>The bandwidth is what a program can stream: all threads read 16 MiB at a time from four places at once, which is
 * faster than from one. The memory holds random numbers, since a host may keep one page for all that are equal.
 */
final class LimitsProbe implements AutoCloseable {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final long ITEM_BYTES = 16L << 20;
    private static final int STREAMS = 4;
    private static final long LEAST_BYTES = 256L << 20;
    private static final long MOST_BYTES = 512L << 20;
    private static final long MORE_BYTES = 64L << 20; // for each thread, whose caches it must not fit
    private static final int FMA_STEPS = 1_000_000; // of an item
    private static final int FMA_ITEMS = 16; // for each thread
    private static final int CHAINS = 12;
    private static final long WARM_UP_NANOS = 1_500_000_000;

    private final WorkerTeam team;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;
    private final int fmaSteps;
    private final float[] sink; // results that the compiler must not see to be useless

    /** Fills the memory, 512 MiB and 64 MiB for each thread or a quarter of what is free, and warms up. */
    LimitsProbe(int threads) {
        this(threads, bytes(threads), FMA_STEPS, WARM_UP_NANOS);
    }

    /** With less of everything the figures mean less. */
    LimitsProbe(int threads, long bytes, int fmaSteps, long warmUpNanos) {
        memory = arena.allocate(bytes / ITEM_BYTES * ITEM_BYTES, 4096);
        team = new WorkerTeam(threads, "cadre-limits");
        this.fmaSteps = fmaSteps;
        sink = new float[threads * 64];
        team.run(items(), (item, worker) -> fill(item));
        long start = System.nanoTime();
        while (System.nanoTime() - start < warmUpNanos) { // until C2 has compiled both loops
            sample();
        }
    }

    private static long bytes(int threads) {
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long most = MOST_BYTES + MORE_BYTES * threads;
        return Math.min(most, Math.max(LEAST_BYTES, system.getFreeMemorySize() / 4));
    }

    private int items() {
        return (int) (memory.byteSize() / ITEM_BYTES);
    }

    private void fill(int item) {
        SplittableRandom random = new SplittableRandom(item);
        for (long at = item * ITEM_BYTES; at < (item + 1) * ITEM_BYTES; at += Long.BYTES) {
            // floats from 1 to 2
            memory.set(ValueLayout.JAVA_LONG, at, random.nextLong() & 0x3fffffff3fffffffL | 0x3f8000003f800000L);
        }
    }

    /** One pass over the memory, and one of multiply-adds. */
    MachineLimits sample() {
        double read = memory.byteSize() / seconds(items(), (item, worker) -> sink[worker * 64] += readItem(item));
        int items = FMA_ITEMS * team.size();
        double operations = (double) items * CHAINS * F.length() * fmaSteps;
        double fma = operations / seconds(items, (item, worker) -> sink[worker * 64] += fmaChains(fmaSteps));
        return new MachineLimits(read, fma, team.size());
    }

    /** The second of two passes: the first wakes the threads, and compiles again what other work has changed. */
    private double seconds(int items, WorkerTeam.Task task) {
        team.run(items, task);
        long start = System.nanoTime();
        team.run(items, task);
        return (System.nanoTime() - start) / 1e9;
    }

    private float readItem(int item) {
        FloatVector a = FloatVector.zero(F);
        FloatVector b = a;
        FloatVector c = a;
        FloatVector d = a;
        long part = ITEM_BYTES / STREAMS;
        long start = item * ITEM_BYTES;
        for (long at = start; at < start + part; at += F.vectorByteSize()) {
            a = a.add(FloatVector.fromMemorySegment(F, memory, at, ByteOrder.nativeOrder()));
            b = b.add(FloatVector.fromMemorySegment(F, memory, at + part, ByteOrder.nativeOrder()));
            c = c.add(FloatVector.fromMemorySegment(F, memory, at + 2 * part, ByteOrder.nativeOrder()));
            d = d.add(FloatVector.fromMemorySegment(F, memory, at + 3 * part, ByteOrder.nativeOrder()));
        }
        return a.add(b).add(c.add(d)).lane(0);
    }

    /** Twelve independent chains: more than latency times units of any current core. */
    private static float fmaChains(int steps) {
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
        for (int step = 0; step < steps; step++) {
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

    @Override
    public void close() {
        team.close();
        arena.close();
    }
}
