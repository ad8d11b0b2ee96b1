/** Readers and writers of checkpoints: GGUF files and Hugging Face safetensors folders. */
module dev.cadre.weights {
    requires transitive dev.cadre.kernels;
    requires tools.jackson.databind;
    requires org.slf4j;

    exports dev.cadre.weights;
}
