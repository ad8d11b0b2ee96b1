package com.example.embed;

import dev.cadre.core.MoeModel;
import dev.cadre.core.Sampling;
import dev.cadre.core.Session;
import dev.cadre.core.Token;
import java.nio.file.Path;

/** Continues a text with the model that the first argument names. */
public final class Main {
    private Main() {}

    /** Usage: Main MODEL. */
    public static void main(String[] args) {
        try (MoeModel model = MoeModel.load(Path.of(args[0]));
                Session session = model.newSession()) {
            for (Token token : session.generate("Once upon a time", Sampling.greedy().withMaxTokens(16))) {
                System.out.print(token.text());
            }
            System.out.println();
        }
    }
}
