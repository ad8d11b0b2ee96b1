package dev.cadre.kernels;

/**
 * Scratch space of one worker. It grows to what the largest call so far needed and is then reused, so steady state
 * allocates nothing. Not thread-safe: one for each worker of a {@link WorkerTeam}.
 */
public final class Workspace {
    private byte[] raw = {};
    private float[] tile = {};
    private float[] partials = {};
    private float[] padded = {};
    private int[] paddedAt = {};

    /** Empty scratch space. */
    public Workspace() {}

    /** Blocks copied from where they are stored. */
    byte[] raw(int size) {
        if (raw.length < size) {
            raw = new byte[Math.max(size, 2 * raw.length)];
        }
        return raw;
    }

    /** Decoded weights. */
    float[] tile(int size) {
        if (tile.length < size) {
            tile = new float[size];
        }
        return tile;
    }

    /** Sums by vector lane that are not yet folded. */
    float[] partials(int size) {
        if (partials.length < size) {
            partials = new float[size];
        }
        return partials;
    }

    /** Activation rows copied to a length that is a multiple of the vector length. */
    float[] padded(int size) {
        if (padded.length < size) {
            padded = new float[size];
        }
        return padded;
    }

    int[] paddedAt(int size) {
        if (paddedAt.length < size) {
            paddedAt = new int[size];
        }
        return paddedAt;
    }

    /** One workspace for each of {@code workers}. */
    public static Workspace[] of(int workers) {
        Workspace[] all = new Workspace[workers];
        for (int i = 0; i < workers; i++) {
            all[i] = new Workspace();
        }
        return all;
    }
}
