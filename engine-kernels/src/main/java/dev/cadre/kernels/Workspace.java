package dev.cadre.kernels;

/**
 * Scratch space of one worker. It grows to what the largest call so far needed and is then reused, so steady state
 * allocates nothing. Not thread-safe: one for each worker of a {@link WorkerTeam}.
 */
public final class Workspace {
    /**
     * First element of {@link #area} to use. An array of this size starts at the beginning of a region of the G1
     * collector (of up to 8 MiB), and its elements 16 bytes later, so that this element and every
     * 16th after it start a cache line. Vector loads that cross cache lines cost twice as much: without this, the
     * products run at two thirds of the speed.
     */
    static final int ALIGNED = 12;

    private static final int AREA = 1 << 20;

    /** Floats between what one worker writes and what may follow on the heap: no two workers share a cache line. */
    private static final int APART = 32;

    /** What {@link CacheLines#touch} and {@link FaultGuard} read: written, never read. */
    int touched;

    private byte[] raw = {};
    private byte[] codes = {};
    private short[] numbers = {};
    private short[] picked = {};
    private int[] words = {};
    private byte[] signs = {};
    private long[] entries = {};
    private short[] halves = {};
    private float[] area = {};
    private float[] tile = {};
    private float[] reordered = {};
    private float[] scales = {};
    private float[] partials = {};
    private final RowCursor cursor = new RowCursor(this);

    /** Empty scratch space. */
    public Workspace() {}

    /** Blocks copied from where they are stored. */
    byte[] raw(int size) {
        if (raw.length < size) {
            raw = new byte[Math.max(size, 2 * raw.length)];
        }
        return raw;
    }

    /** Elements as signed bytes, of which vectors of few lanes load more than they take. */
    byte[] codes(int size) {
        if (codes.length < size + APART) {
            codes = new byte[size + 4 * APART];
        }
        return codes;
    }

    /** Numbers of codebook entries. */
    short[] numbers(int size) {
        if (numbers.length < size) {
            numbers = new short[size + 2 * APART];
        }
        return numbers;
    }

    /** Codebook entries of a vector's lane each. */
    short[] picked(int size) {
        if (picked.length < size) {
            picked = new short[size + 2 * APART];
        }
        return picked;
    }

    /** Elements as nibbles, eight in a word. */
    int[] words(int size) {
        if (words.length < size) {
            words = new int[size + APART];
        }
        return words;
    }

    /** Signs of elements, a bit each. */
    byte[] signs(int size) {
        if (signs.length < size) {
            signs = new byte[size + 4 * APART];
        }
        return signs;
    }

    /** Codebook entries. */
    long[] entries(int size) {
        if (entries.length < size) {
            entries = new long[size + APART / 2];
        }
        return entries;
    }

    /** Elements as half-precision words. */
    short[] halves(int size) {
        if (halves.length < size) {
            halves = new short[size + 2 * APART];
        }
        return halves;
    }

    /** Room for {@code size} floats from {@link #ALIGNED} on. */
    float[] area(int size) {
        if (area.length < size + ALIGNED) {
            area = new float[Math.max(size + ALIGNED, AREA)];
        }
        return area;
    }

    /** Decoded weights. */
    float[] tile(int size) {
        if (tile.length < size) {
            tile = new float[size + APART];
        }
        return tile;
    }

    /** A row whose columns have the order that a format's products take them in. */
    float[] reordered(int size) {
        if (reordered.length < size) {
            reordered = new float[size + APART];
        }
        return reordered;
    }

    /** Scales of groups of columns. */
    float[] scales(int size) {
        if (scales.length < size) {
            scales = new float[size + APART];
        }
        return scales;
    }

    /** Sums by vector lane that are not yet folded. */
    float[] partials(int size) {
        if (partials.length < size) {
            partials = new float[size + APART];
        }
        return partials;
    }

    /** The rows that a product with one token is at. */
    RowCursor cursor() {
        return cursor;
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
