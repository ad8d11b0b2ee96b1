/** Readers and writers of checkpoints: GGUF files and Hugging Face safetensors folders. */
@SuppressWarnings("module") // dev.cadre.core is compiled later
module dev.cadre.weights {
    requires transitive dev.cadre.kernels;
    requires tools.jackson.databind;
    requires org.slf4j;

    exports dev.cadre.weights;
    exports dev.cadre.weights.config to
            dev.cadre.core;
    exports dev.cadre.weights.file to
            dev.cadre.core;
}
