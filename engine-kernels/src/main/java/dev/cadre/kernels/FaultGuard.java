package dev.cadre.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;

/**
 * A look at stored weights before kernels read them, so that memory which is gone (of a file truncated while in use)
 * gives an {@code InternalError} here.
 *
 * <p>Compiled kernels give one themselves ({@link StoredLanes}). While they are cold, or if they run too seldom to be
 * compiled, the loads that they call may be the Vector API's own methods, compiled alone, where the same fault ends the
 * process. What is truncated loses its end, so the last byte is the one to read.
 */
final class FaultGuard {
    /**
     * In an array so that no compiler takes it for a constant and looks through it: a fault's error is thrown when a
     * call returns, and must be before the next access.
     */
    private static final MethodHandle[] READ = {
        RowKernels.find(FaultGuard.class, "read", MethodType.methodType(byte.class, MemorySegment.class, long.class))
    };

    private FaultGuard() {}

    /** Before {@code rowCount} rows of a matrix are read. Whatever its reader calls has accesses of its own. */
    static void beforeRows(Matrix w, long firstRow, int rowCount, Workspace ws) {
        if (rowCount == 0 || w.columns() == 0) {
            return;
        }
        long last = firstRow + rowCount - 1;
        if (w.reader() == null) {
            before(w.data(), w.offset(last, 0) + w.rowBytes() - 1, ws);
        } else if (w.reader() instanceof ColumnMajor c) {
            before(c.data(), c.offset(w.storedRow(last)) + (w.columns() - 1) * c.stride(), ws);
        }
    }

    private static void before(MemorySegment memory, long last, Workspace ws) {
        try {
            ws.touched ^= (byte) READ[0].invokeExact(memory, last); // kept, or the compiler drops the read
        } catch (Throwable t) {
            throw RowKernels.unchecked(t);
        }
    }

    static byte read(MemorySegment memory, long o) {
        return memory.get(ValueLayout.JAVA_BYTE, o);
    }
}
