package dev.cadre.core.forward;

import dev.cadre.kernels.Matrix;
import dev.cadre.kernels.WorkerTeam;
import java.util.Arrays;

/**
 * One phase of matrix products: a list of products that do not depend on each other, cut into ranges of output rows
 * that the team's workers take one by one.
 */
final class Products implements WorkerTeam.Task {
    private final Team team;
    private int jobs;
    private Matrix[] weights = new Matrix[4];
    private float[][] x = new float[4][];
    private int[][] xAt = new int[4][];
    private float[][] y = new float[4][];
    private int[][] yAt = new int[4][];
    private int[] tokens = new int[4];
    private final RowRanges items = new RowRanges();

    Products(Team team) {
        this.team = team;
    }

    /**
     * Adds y[t] = w · x[t] for {@code rows} rows; row t of x starts at {@code xFirst + t·xStride}, row t of y at
     * {@code yFirst + t·yStride}.
     */
    Products add(Matrix w, float[] in, int xFirst, int xStride, float[] out, int yFirst, int yStride, int rows) {
        if (jobs == weights.length) {
            int size = 2 * jobs;
            weights = Arrays.copyOf(weights, size);
            x = Arrays.copyOf(x, size);
            xAt = Arrays.copyOf(xAt, size);
            y = Arrays.copyOf(y, size);
            yAt = Arrays.copyOf(yAt, size);
            tokens = Arrays.copyOf(tokens, size);
        }
        weights[jobs] = w;
        x[jobs] = in;
        y[jobs] = out;
        tokens[jobs] = rows;
        xAt[jobs] = fill(xAt[jobs], xFirst, xStride, rows);
        yAt[jobs] = fill(yAt[jobs], yFirst, yStride, rows);
        jobs++;
        return this;
    }

    /** Dense rows on both sides: x [rows, K], y [rows, N]. */
    Products add(Matrix w, float[] in, float[] out, int rows) {
        return add(w, in, 0, w.columns(), out, 0, (int) w.rows(), rows);
    }

    private static int[] fill(int[] starts, int first, int stride, int rows) {
        int[] all = starts == null || starts.length < rows ? new int[rows] : starts;
        for (int t = 0; t < rows; t++) {
            all[t] = first + t * stride;
        }
        return all;
    }

    /** Computes all products and forgets them. */
    void run() {
        long rows = 0;
        for (int job = 0; job < jobs; job++) {
            rows += weights[job].rows();
        }
        for (int job = 0; job < jobs; job++) {
            items.add(job, weights[job].rows(), tokens[job], rows, team.size());
        }
        try {
            team.workers().run(items.size(), this);
        } finally {
            Arrays.fill(weights, 0, jobs, null);
            jobs = 0;
            items.clear();
        }
    }

    @Override
    public void run(int item, int worker) {
        int job = items.product(item);
        Matrix w = weights[job];
        team.kernels()
                .matrices()
                .multiply(
                        w,
                        items.start(item),
                        items.count(item),
                        x[job],
                        xAt[job],
                        tokens[job],
                        y[job],
                        yAt[job],
                        team.workspaces()[worker]);
    }
}
