package dev.cadre.core.forward;

import dev.cadre.kernels.Kernels;
import dev.cadre.kernels.WorkerTeam;
import dev.cadre.kernels.Workspace;

/**
 * What every block computes with: the workers, their scratch space, and the kernels.
 *
 * @param workers runs phases
 * @param workspaces one for each worker
 * @param kernels the arithmetic
 */
public record Team(WorkerTeam workers, Workspace[] workspaces, Kernels kernels) implements AutoCloseable {
    /** A team of {@code size} workers with the best kernels of this JVM. */
    public static Team of(int size) {
        return new Team(new WorkerTeam(size, "cadre-worker"), Workspace.of(size), Kernels.lookup());
    }

    int size() {
        return workers.size();
    }

    @Override
    public void close() {
        workers.close();
    }
}
