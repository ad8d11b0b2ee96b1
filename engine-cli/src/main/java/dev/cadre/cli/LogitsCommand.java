package dev.cadre.cli;

import dev.cadre.core.Logits;
import dev.cadre.core.MoeModel;
import dev.cadre.core.Session;
import dev.cadre.weights.NpyWriter;
import java.io.IOException;
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
    public Integer call() throws IOException {
        int[] ids = TokenList.parse(tokens);
        try (MoeModel loaded = model.load();
                Session session = loaded.newSession(model.sessionOptions());
                NpyWriter writer =
                        NpyWriter.create(out, ids.length, loaded.info().vocabulary())) {
            for (int from = 0; from < ids.length; from += ROWS) {
                int to = Math.min(ids.length, from + ROWS);
                Logits logits = session.forward(Arrays.copyOfRange(ids, from, to));
                writer.write(logits.values(), 0, logits.values().length);
            }
            writer.finish();
        }
        return 0;
    }
}
