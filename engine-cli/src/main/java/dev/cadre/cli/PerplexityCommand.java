package dev.cadre.cli;

import dev.cadre.bench.Perplexity;
import dev.cadre.core.MoeModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ObjectNode;

/** {@code cadre perplexity}: how well a model predicts a text, and how far from a reference it is. */
@Command(
        name = "perplexity",
        description = "Measures perplexity on a text, and divergence from saved logits.",
        mixinStandardHelpOptions = true)
final class PerplexityCommand implements Callable<Integer> {
    private static final int DEFAULT_WINDOW = 512;

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Option(names = "--file", required = true, paramLabel = "TEXT", description = "A UTF-8 text file.")
    private Path file;

    @Option(
            names = "--save-logits",
            paramLabel = "FILE",
            description = "Write the logits of the scored positions (.npy), for later comparison.")
    private Path saveLogits;

    @Option(
            names = "--compare-logits",
            paramLabel = "FILE",
            description = "Compare with logits that another run saved: KL divergence and agreement of the best token.")
    private Path compareLogits;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    PerplexityCommand() {}

    @Override
    public Integer call() throws IOException {
        if (!Files.isReadable(file)) {
            throw new UserException("--file: " + file + " cannot be read");
        }
        String text = Files.readString(file);
        int window = model.context() == 0 ? DEFAULT_WINDOW : model.context();
        try (MoeModel loaded = model.loadToEvaluate()) {
            Perplexity.Result result = Perplexity.measure(loaded, text, window, saveLogits, compareLogits);
            if (json) {
                ObjectNode node = Json.object();
                node.put("perplexity", result.perplexity());
                node.put("tokens", result.tokens());
                if (compareLogits != null) {
                    node.put("mean_kld", result.meanKld());
                    node.put("top1_agreement", result.top1Agreement());
                }
                System.out.println(Json.print(node));
            } else {
                System.out.printf(
                        Locale.ROOT,
                        "perplexity %.4f over %d tokens, windows of %d%n",
                        result.perplexity(),
                        result.tokens(),
                        window);
                if (compareLogits != null) {
                    System.out.printf(
                            Locale.ROOT,
                            "mean KL divergence %.3g, best token agrees in %.2f%%%n",
                            result.meanKld(),
                            100 * result.top1Agreement());
                }
            }
        }
        return 0;
    }
}
