/** The public API: load a model, open a session, generate. */
module dev.cadre.core {
    requires dev.cadre.kernels;
    requires transitive dev.cadre.weights;
    requires tools.jackson.databind;
    requires org.slf4j;

    exports dev.cadre.core;
}
