package dev.cadre.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Mapped files as memory of the same class as any other off-heap memory.
 *
 * <p>The JDK has one class of segments for mapped files and another for native memory. Where a process reads both with
 * the Vector API, as one with a mapped model and a cache in memory does, every access in compiled code asks which it
 * is, and the products run at half of their speed or less. A segment made from a buffer is of the class for native
 * memory whatever is behind it; a fault on a page of the file stays the same error.
 */
public final class MappedMemory {
    private MappedMemory() {}

    /**
     * The same memory, with the same lifetime and access, as a segment that counts as native. Segments that are not
     * mapped come back as they are; so do those of more than 2 GiB and of an odd size, which no buffer takes: such a
     * tensor is slower to read, and one that is split by experts or heads is converted part by part.
     *
     * @throws IllegalStateException if the segment's arena is closed
     */
    public static MemorySegment asNative(MemorySegment segment) {
        long size = segment.byteSize();
        if (!segment.isMapped() || size == 0 || size > Integer.MAX_VALUE || size % Short.BYTES != 0) {
            return segment;
        }
        // a byte buffer of mapped memory would give a mapped segment again, a view of it as shorts does not
        return MemorySegment.ofBuffer(segment.asByteBuffer().asShortBuffer());
    }
}
