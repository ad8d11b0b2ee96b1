/** An application that generates text inside its own JVM. */
module com.example.embed {
    requires dev.cadre.core;
}
