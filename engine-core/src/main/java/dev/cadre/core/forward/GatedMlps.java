package dev.cadre.core.forward;

import dev.cadre.core.model.FeedForwardConfig.Activation;
import dev.cadre.kernels.Matrix;
import dev.cadre.kernels.MatrixKernel;
import dev.cadre.kernels.VectorMath;
import dev.cadre.kernels.WorkerTeam;
import java.util.Arrays;

/**
 * Gated MLPs, each over its own rows of the batch, in two phases for all of them together: gate and up with the
 * activation, then down. One expert or 384, the list of work is flat.
 */
final class GatedMlps {
    private final Team team;
    private int count;
    private Matrix[] gate = new Matrix[8];
    private Matrix[] up = new Matrix[8];
    private Matrix[] down = new Matrix[8];
    private float[][] gateBias = new float[8][]; // null for none
    private float[][] upBias = new float[8][];
    private float[][] downBias = new float[8][];
    private int[] first = new int[8]; // first assignment of each MLP
    private int[] activationAt = new int[8]; // where its activations start
    private int assignments;
    private int[] rowOf = new int[64]; // batch row of each assignment
    private int activations;
    private final Floats gates = new Floats();
    private final Floats ups = new Floats();
    private final Floats outputs = new Floats(); // [assignments, H]
    private final RowRanges items = new RowRanges();
    private final int[][] inAt;
    private final int[][] outAt;
    private final WorkerTeam.Task gateUpTask = this::gateUp;
    private final WorkerTeam.Task downTask = this::down;
    private float[] x;
    private float[] gateValues;
    private float[] upValues;
    private float[] y;
    private int hidden;
    private Activation activation;

    GatedMlps(Team team) {
        this.team = team;
        inAt = new int[team.size()][0];
        outAt = new int[team.size()][0];
    }

    void clear() {
        Arrays.fill(gate, 0, count, null);
        Arrays.fill(up, 0, count, null);
        Arrays.fill(down, 0, count, null);
        count = 0;
        assignments = 0;
        activations = 0;
    }

    /** Starts an MLP without biases; the rows that follow are its. */
    void begin(Matrix gateWeights, Matrix upWeights, Matrix downWeights) {
        begin(gateWeights, upWeights, downWeights, null, null, null);
    }

    /** Starts an MLP; the rows that follow are its. */
    void begin(
            Matrix gateWeights,
            Matrix upWeights,
            Matrix downWeights,
            float[] gateBiases,
            float[] upBiases,
            float[] downBiases) {
        if (count == gate.length) {
            int size = 2 * count;
            gateBias = Arrays.copyOf(gateBias, size);
            upBias = Arrays.copyOf(upBias, size);
            downBias = Arrays.copyOf(downBias, size);
            gate = Arrays.copyOf(gate, size);
            up = Arrays.copyOf(up, size);
            down = Arrays.copyOf(down, size);
            first = Arrays.copyOf(first, size);
            activationAt = Arrays.copyOf(activationAt, size);
        }
        gate[count] = gateWeights;
        up[count] = upWeights;
        down[count] = downWeights;
        gateBias[count] = gateBiases;
        upBias[count] = upBiases;
        downBias[count] = downBiases;
        first[count] = assignments;
        activationAt[count] = activations;
        count++;
    }

    /** Gives the MLP begun last one more row of the batch; returns the assignment's number. */
    int add(int row) {
        if (assignments == rowOf.length) {
            rowOf = Arrays.copyOf(rowOf, 2 * assignments);
        }
        rowOf[assignments] = row;
        activations += (int) gate[count - 1].rows();
        return assignments++;
    }

    private int rowsOf(int mlp) {
        return (mlp + 1 < count ? first[mlp + 1] : assignments) - first[mlp];
    }

    /**
     * Computes all of them.
     *
     * @param in [T, H]
     * @param activation how gate and up are joined
     * @return outputs [assignments, H], in the order of {@link #add}
     */
    float[] run(float[] in, int width, Activation join) {
        x = in;
        activation = join;
        hidden = width;
        gateValues = gates.of(activations, 1);
        upValues = ups.of(activations, 1);
        y = outputs.of(assignments, hidden);
        list(gate);
        team.workers().run(items.size(), gateUpTask);
        list(down);
        team.workers().run(items.size(), downTask);
        return y;
    }

    private void list(Matrix[] weights) {
        long rows = 0;
        for (int m = 0; m < count; m++) {
            rows += weights[m].rows();
        }
        items.clear();
        for (int m = 0; m < count; m++) {
            items.add(m, weights[m].rows(), rowsOf(m), rows, team.size());
        }
    }

    private void gateUp(int item, int worker) {
        int mlp = items.product(item);
        int row = items.start(item);
        Matrix w = gate[mlp];
        int width = (int) w.rows();
        int rows = items.count(item);
        int tokens = rowsOf(mlp);
        int[] from = starts(inAt, worker, tokens);
        int[] to = starts(outAt, worker, tokens);
        for (int t = 0; t < tokens; t++) {
            from[t] = rowOf[first[mlp] + t] * hidden;
            to[t] = activationAt[mlp] + t * width;
        }
        MatrixKernel kernel = team.kernels().matrices();
        kernel.multiply(w, row, rows, x, from, tokens, gateValues, to, team.workspaces()[worker]);
        kernel.multiply(up[mlp], row, rows, x, from, tokens, upValues, to, team.workspaces()[worker]);
        VectorMath math = team.kernels().math();
        for (int t = 0; t < tokens; t++) {
            int at = to[t] + row;
            if (gateBias[mlp] != null) {
                math.add(gateValues, at, gateBias[mlp], row, rows);
                math.add(upValues, at, upBias[mlp], row, rows);
            }
            switch (activation) {
                case SWIGLU -> math.swiGlu(gateValues, at, upValues, at, rows);
                case CLAMPED_SWIGLU -> math.clampedSwiGlu(gateValues, at, upValues, at, rows);
            }
        }
    }

    private void down(int item, int worker) {
        int mlp = items.product(item);
        int row = items.start(item);
        Matrix w = down[mlp];
        int tokens = rowsOf(mlp);
        int[] from = starts(inAt, worker, tokens);
        int[] to = starts(outAt, worker, tokens);
        for (int t = 0; t < tokens; t++) {
            from[t] = activationAt[mlp] + t * w.columns();
            to[t] = (first[mlp] + t) * hidden;
        }
        int rows = items.count(item);
        team.kernels().matrices().multiply(w, row, rows, gateValues, from, tokens, y, to, team.workspaces()[worker]);
        if (downBias[mlp] != null) {
            for (int t = 0; t < tokens; t++) {
                team.kernels().math().add(y, to[t] + row, downBias[mlp], row, rows);
            }
        }
    }

    private static int[] starts(int[][] scratch, int worker, int tokens) {
        if (scratch[worker].length < tokens) {
            scratch[worker] = new int[Math.max(tokens, 2 * scratch[worker].length)];
        }
        return scratch[worker];
    }
}
