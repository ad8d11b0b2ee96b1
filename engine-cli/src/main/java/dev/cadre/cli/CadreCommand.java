package dev.cadre.cli;

import dev.cadre.core.CadreException;
import dev.cadre.weights.CheckpointException;
import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The {@code cadre} command: results go to stdout, everything else to stderr. */
@Command(
        name = "cadre",
        description = "Runs mixture-of-experts language models in pure Java.",
        mixinStandardHelpOptions = true,
        versionProvider = CadreCommand.Version.class,
        subcommands = {
            RunCommand.class,
            LogitsCommand.class,
            InspectCommand.class,
            DumpCommand.class,
            ConvertCommand.class,
            PerplexityCommand.class,
            BenchCommand.class
        })
public final class CadreCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Option(names = "--verbose", description = "Print stack traces of errors.", scope = ScopeType.INHERIT)
    private boolean verbose;

    CadreCommand() {}

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a verb is missing");
    }

    /** Exit status: 0, 1 if the work failed, 2 if the arguments are wrong. */
    public static void main(String[] args) {
        System.exit(commandLine().execute(args));
    }

    static CommandLine commandLine() {
        CadreCommand root = new CadreCommand();
        CommandLine command = new CommandLine(root);
        command.setCaseInsensitiveEnumValuesAllowed(true);
        command.setExecutionExceptionHandler((e, failed, result) -> root.report(e, failed));
        return command;
    }

    private int report(Exception e, CommandLine failed) throws Exception {
        boolean expected = e instanceof CadreException
                || e instanceof CheckpointException
                || e instanceof UserException
                || e instanceof IllegalArgumentException;
        PrintWriter err = failed.getErr();
        if (verbose) {
            e.printStackTrace(err);
        } else if (expected) {
            err.println("cadre: " + e.getMessage());
        } else {
            err.println("cadre: internal error: " + e + " (--verbose shows where; please report it)");
        }
        err.flush();
        return 1;
    }

    /** Prints the version that the build wrote into the manifest. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = CadreCommand.class.getPackage().getImplementationVersion();
            String[] lines = {
                "cadre " + (version == null ? "(development build)" : version),
                "Java " + Runtime.version() + ", " + System.getProperty("os.name") + " " + System.getProperty("os.arch")
            };
            return lines;
        }
    }
}
