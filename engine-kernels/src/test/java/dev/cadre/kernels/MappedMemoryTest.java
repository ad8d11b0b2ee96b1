package dev.cadre.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MappedMemoryTest {
    @TempDir
    Path folder;

    private MemorySegment map(Arena arena, int size) throws IOException {
        byte[] content = new byte[size];
        for (int i = 0; i < size; i++) {
            content[i] = (byte) (7 * i);
        }
        Path file = folder.resolve("content");
        Files.write(file, content);
        try (FileChannel channel = FileChannel.open(file)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
        }
    }

    @Test
    void mappedAndAllocatedMemoryAreOfOneClass() throws IOException {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment mapped = map(arena, 1000).asSlice(33, 500);
            MemorySegment same = MappedMemory.asNative(mapped);
            assertSame(arena.allocate(8).getClass(), same.getClass());
            assertSame(same.getClass(), same.asSlice(3, 5).getClass());
            assertEquals(mapped.address(), same.address());
            assertEquals(-1, mapped.mismatch(same));
            assertTrue(same.isReadOnly());
        }
    }

    @Test
    void theLifetimeStaysTheArenas() throws IOException {
        MemorySegment same;
        try (Arena arena = Arena.ofShared()) {
            same = MappedMemory.asNative(map(arena, 64));
            assertTrue(same.scope().isAlive());
        }
        assertFalse(same.scope().isAlive());
        assertThrows(IllegalStateException.class, () -> same.get(ValueLayout.JAVA_BYTE, 0));
    }

    @Test
    void whatNoBufferTakesStaysAsItIs() throws IOException {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment odd = map(arena, 63);
            assertSame(odd, MappedMemory.asNative(odd));
            MemorySegment allocated = arena.allocate(64);
            assertSame(allocated, MappedMemory.asNative(allocated));
        }
    }
}
