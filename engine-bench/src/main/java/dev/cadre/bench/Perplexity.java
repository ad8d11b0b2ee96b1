package dev.cadre.bench;

import dev.cadre.core.InvalidRequestException;
import dev.cadre.core.Logits;
import dev.cadre.core.MoeModel;
import dev.cadre.core.Session;
import dev.cadre.core.SessionOptions;
import dev.cadre.weights.NpyWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * Perplexity of a text, measured as llama.cpp's tool does: the text is cut into windows that do not overlap, each is
 * read anew, and the predictions in its second half count, so that every prediction has at least half a window before
 * it.
 */
public final class Perplexity {
    private Perplexity() {}

    /**
     * What was measured.
     *
     * @param perplexity e to the mean negative log-likelihood
     * @param tokens number of scored predictions
     * @param meanKld mean KL divergence of this model's distributions from the reference's, NaN without a reference
     * @param top1Agreement share of positions where both find the same token most likely, NaN without a reference
     */
    public record Result(double perplexity, long tokens, double meanKld, double top1Agreement) {}

    /**
     * Measures.
     *
     * @param window tokens of a window
     * @param save file for the logits of the scored positions, or null
     * @param compare file of logits that an earlier run on the same text and window saved, or null
     * @throws InvalidRequestException if the text is shorter than a window, or the reference is of another run
     * @throws IOException if the reference cannot be read
     */
    public static Result measure(MoeModel model, String text, int window, Path save, Path compare) throws IOException {
        int[] start = model.tokenizer().startTokens();
        int[] tokens = model.tokenizer().encodeWithSpecials(text);
        int windows = tokens.length / window;
        if (window < 4 || windows == 0) {
            throw new InvalidRequestException("the text has " + tokens.length + " tokens, less than one window of "
                    + window + "; give a longer text or a smaller --context");
        }
        int scored = window - window / 2 - 1;
        long n = (long) windows * scored;
        int vocabulary = model.info().vocabulary();
        try (Reference reference = compare == null ? null : new Reference(compare, n, vocabulary)) {
            Windows rows = new Windows(model, tokens, start, window, reference);
            float[] row = new float[vocabulary];
            if (save == null) {
                for (long r = 0; r < n; r++) {
                    rows.read(r, 1, row);
                }
            } else {
                long[] shape = {n, vocabulary};
                NpyWriter.write(shape, rows::read, save);
            }
            return new Result(
                    Math.exp(rows.nll / n),
                    n,
                    reference == null ? Double.NaN : rows.kld / n,
                    reference == null ? Double.NaN : (double) rows.agreed / n);
        }
    }

    /** Logits of the scored positions, window by window, scored as they are read. */
    private static final class Windows {
        private final MoeModel model;
        private final int[] tokens;
        private final int[] start;
        private final int window;
        private final Reference reference;
        private int[] ids;
        private Logits logits;
        private double nll;
        private double kld;
        private long agreed;

        Windows(MoeModel model, int[] tokens, int[] start, int window, Reference reference) {
            this.model = model;
            this.tokens = tokens;
            this.start = start;
            this.window = window;
            this.reference = reference;
        }

        /** The logits of scored position {@code number}; positions come in order. */
        void read(long number, int count, float[] dst) {
            int first = window / 2;
            int scored = window - first - 1;
            int row = (int) (number % scored);
            if (row == 0) {
                int from = (int) (number / scored) * window;
                ids = Arrays.copyOfRange(tokens, from, from + window);
                System.arraycopy(start, 0, ids, 0, Math.min(start.length, window));
                try (Session session = model.newSession(SessionOptions.ofContext(window))) {
                    session.append(Arrays.copyOf(ids, first));
                    logits = session.forward(Arrays.copyOfRange(ids, first, window - 1));
                }
            }
            System.arraycopy(logits.values(), row * logits.vocabulary(), dst, 0, logits.vocabulary());
            score(row, ids[first + 1 + row]);
        }

        private void score(int row, int next) {
            int v = logits.vocabulary();
            float[] values = logits.values();
            int at = row * v;
            double norm = logSumExp(values, at, v);
            nll += norm - values[at + next];
            if (reference == null) {
                return;
            }
            float[] other = reference.next();
            double otherNorm = logSumExp(other, 0, v);
            int best = 0;
            for (int i = 0; i < v; i++) {
                double logP = other[i] - otherNorm;
                double logQ = values[at + i] - norm;
                kld += Math.exp(logP) * (logP - logQ);
                best = other[i] > other[best] ? i : best;
            }
            agreed += best == logits.argmax(row) ? 1 : 0;
        }
    }

    private static double logSumExp(float[] x, int at, int n) {
        double max = Double.NEGATIVE_INFINITY;
        for (int i = at; i < at + n; i++) {
            max = Math.max(max, x[i]);
        }
        double sum = 0;
        for (int i = at; i < at + n; i++) {
            sum += Math.exp(x[i] - max);
        }
        return max + Math.log(sum);
    }

    /** Rows of saved logits, one after the other. */
    private static final class Reference implements AutoCloseable {
        private final FileChannel channel;
        private final ByteBuffer buffer;
        private final float[] row;

        Reference(Path file, long rows, int vocabulary) throws IOException {
            channel = FileChannel.open(file, StandardOpenOption.READ);
            buffer = ByteBuffer.allocate(4 * vocabulary).order(ByteOrder.LITTLE_ENDIAN);
            row = new float[vocabulary];
            ByteBuffer start = ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN);
            channel.read(start);
            int header = 10 + start.getShort(8);
            long expected = header + rows * vocabulary * 4;
            if (channel.size() != expected) {
                channel.close();
                throw new InvalidRequestException(file + " does not hold the logits of this text and window: it has "
                        + channel.size() + " bytes, " + expected + " are expected");
            }
            channel.position(header);
        }

        float[] next() {
            buffer.clear();
            try {
                while (buffer.hasRemaining()) {
                    if (channel.read(buffer) < 0) {
                        throw new IOException("the saved logits end early");
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            buffer.flip().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(row);
            return row;
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
