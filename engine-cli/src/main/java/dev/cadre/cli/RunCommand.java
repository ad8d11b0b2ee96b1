package dev.cadre.cli;

import dev.cadre.core.Completion;
import dev.cadre.core.Generation;
import dev.cadre.core.MoeModel;
import dev.cadre.core.Sampling;
import dev.cadre.core.Session;
import dev.cadre.core.Token;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code cadre run}: generates text. */
@Command(name = "run", description = "Generates text after a prompt.", mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {
    private static final String DEFAULT_PROMPT = "Once upon a time";

    @Mixin
    private ModelOptions model = new ModelOptions();

    @ArgGroup
    private Prompt prompt;

    /** One of three ways to give a prompt. */
    private static final class Prompt {
        @Option(names = "--prompt", paramLabel = "TEXT", description = "The text to continue.")
        private String text;

        @Option(names = "--prompt-file", paramLabel = "FILE", description = "A UTF-8 file with the text to continue.")
        private Path file;

        @Option(names = "--tokens", paramLabel = "IDS", description = "Token ids to continue: 1,2,3.")
        private String tokens;
    }

    @Option(
            names = "--restore",
            paramLabel = "FILE",
            description = "Continue a saved session: the prompt follows what it has read and written.")
    private Path restore;

    @Option(names = "--save", paramLabel = "FILE", description = "Save the session to this file afterwards.")
    private Path save;

    @Option(names = "--max-tokens", paramLabel = "N", description = "Most tokens to generate; 128 by default.")
    private int maxTokens = 128;

    @Option(names = "--greedy", description = "Always take the most likely token (the default).")
    private boolean greedy;

    @Option(names = "--temperature", paramLabel = "T", description = "Draw at random; 1 is the model's distribution.")
    private Double temperature;

    @Option(names = "--top-k", paramLabel = "K", description = "Draw from the K most likely tokens.")
    private int topK;

    @Option(names = "--top-p", paramLabel = "P", description = "Draw from the most likely tokens of this joint mass.")
    private double topP = 1;

    @Option(names = "--min-p", paramLabel = "P", description = "Draw from tokens with this share of the best one's.")
    private double minP;

    @Option(names = "--repetition-penalty", paramLabel = "F", description = "Above 1: repeat less.")
    private double repetitionPenalty = 1;

    @Option(names = "--presence-penalty", paramLabel = "F", description = "Above 0: new tokens are preferred.")
    private double presencePenalty;

    @Option(names = "--frequency-penalty", paramLabel = "F", description = "Above 0: frequent tokens count less.")
    private double frequencyPenalty;

    @Option(names = "--seed", paramLabel = "S", description = "Seed of the random draws; 0 by default.")
    private long seed;

    @Option(names = "--stop", paramLabel = "TEXT", description = "End before this text; may be given several times.")
    private List<String> stop = List.of();

    @Option(names = "--print-tokens", description = "Print token ids, space-separated, instead of text.")
    private boolean printTokens;

    @Option(names = "--json", description = "Print one JSON object instead of streaming text.")
    private boolean json;

    RunCommand() {}

    @Override
    public Integer call() throws IOException {
        Sampling sampling = sampling();
        long start = System.nanoTime();
        try (MoeModel loaded = model.loadToRun();
                Session session = open(loaded)) {
            double loadSeconds = (System.nanoTime() - start) / 1e9;
            PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
            try (Generation generation = generate(session, sampling)) {
                boolean stream = !json && !printTokens;
                for (Token token : generation) {
                    if (stream) {
                        out.print(token.text());
                        out.flush();
                    }
                }
                Completion completion = generation.result();
                print(out, completion, loadSeconds, loaded);
            }
            out.flush();
            if (save != null) {
                session.save(save);
            }
        }
        return 0;
    }

    private Session open(MoeModel loaded) {
        if (restore == null) {
            return loaded.newSession(model.sessionOptions());
        }
        if (prompt == null) {
            throw new UserException("--restore needs a prompt to go on with: --prompt, --prompt-file or --tokens");
        }
        return loaded.restore(restore, model.sessionOptions());
    }

    private Sampling sampling() {
        if (greedy && temperature != null) {
            throw new UserException("--greedy and --temperature exclude each other");
        }
        return Sampling.ofTemperature(temperature == null ? 0 : temperature, seed)
                .withTopK(topK)
                .withTopP(topP)
                .withMinP(minP)
                .withPenalties(repetitionPenalty, presencePenalty, frequencyPenalty)
                .withMaxTokens(maxTokens)
                .withStop(stop);
    }

    private Generation generate(Session session, Sampling sampling) throws IOException {
        if (prompt == null) {
            return session.generate(DEFAULT_PROMPT, sampling);
        }
        if (prompt.tokens != null) {
            return session.generate(TokenList.parse(prompt.tokens), sampling);
        }
        if (prompt.file != null) {
            if (!Files.isReadable(prompt.file)) {
                throw new UserException("--prompt-file: " + prompt.file + " cannot be read");
            }
            return session.generate(Files.readString(prompt.file), sampling);
        }
        return session.generate(prompt.text, sampling);
    }

    private void print(PrintStream out, Completion c, double loadSeconds, MoeModel loaded) {
        if (json) {
            ObjectNode node = Json.object();
            node.put("text", c.text());
            ArrayNode tokens = node.putArray("tokens");
            c.tokens().forEach(tokens::add);
            node.put("stop_reason", c.stopReason().name().toLowerCase(Locale.ROOT));
            node.put("prompt_tokens", c.usage().promptTokens());
            node.put("cached_prompt_tokens", c.usage().cachedPromptTokens());
            node.put("generated_tokens", c.usage().generatedTokens());
            node.put("load_seconds", loadSeconds);
            node.put("prompt_tokens_per_second", promptSpeed(c));
            node.put("generated_tokens_per_second", generationSpeed(c));
            node.put("kernels", loaded.info().kernels());
            out.println(Json.print(node));
            return;
        }
        if (printTokens) {
            out.println(c.tokens().stream().map(String::valueOf).collect(Collectors.joining(" ")));
        } else {
            out.println();
        }
        out.flush();
        Runtime runtime = Runtime.getRuntime();
        System.err.printf(
                Locale.ROOT,
                "%nloaded in %.2f s; prompt %d tokens, %.1f/s; generated %d tokens, %.1f/s (%s);"
                        + " heap %d MiB; %s kernels%n",
                loadSeconds,
                c.usage().promptTokens(),
                promptSpeed(c),
                c.usage().generatedTokens(),
                generationSpeed(c),
                c.stopReason().name().toLowerCase(Locale.ROOT),
                (runtime.totalMemory() - runtime.freeMemory()) >> 20,
                loaded.info().kernels());
    }

    private static double promptSpeed(Completion c) {
        return c.timings().promptSeconds() == 0
                ? 0
                : c.usage().promptTokens() / c.timings().promptSeconds();
    }

    /** Steps after the prompt's; the first token came with the prompt. */
    private static double generationSpeed(Completion c) {
        double seconds = c.timings().generationSeconds();
        return seconds == 0 ? 0 : Math.max(0, c.usage().generatedTokens() - 1) / seconds;
    }
}
