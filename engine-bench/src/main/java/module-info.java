/** Benchmarks: the machine's limits, single kernels (JMH), and end-to-end runs of whole models. */
module dev.cadre.bench {
    requires transitive dev.cadre.core;
    requires dev.cadre.kernels;
    requires jdk.incubator.vector;
    requires jdk.management;

    exports dev.cadre.bench;
}
