package dev.cadre.cli;

import dev.cadre.core.Logits;
import dev.cadre.core.MoeModel;
import dev.cadre.core.Session;
import dev.cadre.weights.NpyWriter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code cadre logits}: the logits of every position, for comparing engines. */
@Command(
        name = "logits",
        description = "Writes float32 logits [tokens, vocabulary] of every position in NumPy's format.",
        mixinStandardHelpOptions = true)
final class LogitsCommand implements Callable<Integer> {
    /** Positions whose logits are held at a time. */
    private static final int ROWS = 64;

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Option(names = "--tokens", required = true, paramLabel = "IDS", description = "Token ids: 1,2,3.")
    private String tokens;

    @Option(names = "--out", required = true, paramLabel = "FILE", description = "The .npy file to write.")
    private Path out;

    LogitsCommand() {}

    @Override
    public Integer call() {
        int[] ids = TokenList.parse(tokens);
        try (MoeModel loaded = model.loadToEvaluate();
                Session session = loaded.newSession(model.sessionOptions())) {
            if (ids.length > session.context()) {
                throw new UserException(
                        ids.length + " tokens are more than the context of " + session.context() + "; raise --context");
            }
            int vocabulary = loaded.info().vocabulary();
            long[] shape = {ids.length, vocabulary};
            NpyWriter.write(shape, new Rows(session, ids)::read, out);
        }
        return 0;
    }

    /** Computes logits some rows ahead of where they are read. */
    private static final class Rows {
        private final Session session;
        private final int[] ids;
        private Logits logits;
        private int first;

        Rows(Session session, int[] ids) {
            this.session = session;
            this.ids = ids;
        }

        void read(long row, int count, float[] dst) {
            if (logits == null || row >= first + logits.rows()) {
                first = (int) row;
                logits = session.forward(Arrays.copyOfRange(ids, first, Math.min(ids.length, first + ROWS)));
            }
            int vocabulary = logits.vocabulary();
            System.arraycopy(logits.values(), ((int) row - first) * vocabulary, dst, 0, vocabulary);
        }
    }
}
