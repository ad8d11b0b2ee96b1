/** The {@code cadre} command. */
module dev.cadre.cli {
    requires dev.cadre.core;
    requires dev.cadre.bench;
    requires info.picocli;

    opens dev.cadre.cli to
            info.picocli;
}
