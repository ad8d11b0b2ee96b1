/** Benchmarks: JMH for single kernels, and end-to-end runs of whole models. */
module dev.cadre.bench {
    requires dev.cadre.core;

    exports dev.cadre.bench;
}
