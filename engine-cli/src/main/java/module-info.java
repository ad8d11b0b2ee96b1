/** The {@code cadre} command. */
module dev.cadre.cli {
    requires dev.cadre.bench;
    requires dev.cadre.core;
    requires info.picocli;
    requires tools.jackson.databind;

    opens dev.cadre.cli to
            info.picocli;
}
