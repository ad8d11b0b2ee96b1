package dev.cadre.core.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.core.CacheFileException;
import dev.cadre.core.CacheFullException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A pool in a mapped file: what the disk refuses is a typed error of one request, and the file does not outlive it. */
class FilePagesTest {
    private static final long PAGE = 3 << 20;

    @TempDir
    private Path temp;

    /** Fails one step, by its number; a failing write has written half. Counts what is mapped. */
    private static final class FailingDisk implements ScratchFile.Opener {
        private int fatal;
        private int steps;
        private int mappings;
        private boolean writes = true;
        private long writtenTo = ScratchFile.HEADER_BYTES; // without a gap

        FailingDisk(int fatal) {
            this.fatal = fatal;
        }

        private boolean fails() {
            return steps++ == fatal;
        }

        @Override
        public ScratchFile open(Path path) throws IOException {
            if (fails()) {
                throw new IOException("Read-only file system");
            }
            ScratchFile real = ScratchFile.ON_DISK.open(path);
            return new ScratchFile() {
                @Override
                public void write(ByteBuffer bytes, long position) throws IOException {
                    if (fails()) {
                        real.write(bytes.slice(bytes.position(), bytes.remaining() / 2), position);
                        throw new IOException("No space left on device");
                    }
                    if (position == writtenTo) {
                        writtenTo += bytes.remaining();
                    }
                    if (writes) {
                        real.write(bytes, position);
                    }
                }

                @Override
                public MemorySegment map(long position, long size, Arena arena) throws IOException {
                    if (fails()) {
                        throw new IOException("Map failed");
                    }
                    mappings++;
                    return real.map(position, size, arena);
                }

                @Override
                public void close() throws IOException {
                    boolean fails = fails();
                    real.close();
                    if (fails) {
                        throw new IOException("Input/output error");
                    }
                }
            };
        }
    }

    private PagePool pool(FailingDisk disk, long pageBytes, long budgetPages) {
        FilePages store = new FilePages(disk, temp.resolve("kv"), pageBytes, budgetPages);
        return new PagePool(pageBytes, budgetPages * pageBytes, store);
    }

    @Test
    void whicheverStepFailsOnlyItsRequestFails() throws IOException {
        int fatal = 0;
        int refusals = 0;
        for (; ; fatal++) {
            FailingDisk disk = new FailingDisk(fatal);
            PagePool pool;
            try {
                pool = pool(disk, PAGE, 8);
            } catch (CacheFileException e) {
                assertTrue(e.getMessage().contains("Read-only"), e.getMessage());
                assertFalse(Files.exists(temp.resolve("kv")));
                continue;
            }
            int[] pages = new int[8];
            for (int i = 0; i < pages.length; i++) {
                try {
                    pages[i] = pool.acquire();
                } catch (CacheFullException e) {
                    refusals++;
                    assertInstanceOf(IOException.class, e.getCause());
                    assertEquals(i, pool.heldPages());
                    pages[i] = pool.acquire(); // once there is room again
                }
                pool.memory(pages[i]).fill((byte) (i + 1));
            }
            assertThrows(CacheFullException.class, pool::acquire);
            for (int i = 0; i < pages.length; i++) {
                MemorySegment page = pool.memory(pages[i]);
                assertEquals(i + 1, page.get(ValueLayout.JAVA_BYTE, 0));
                assertEquals(i + 1, page.get(ValueLayout.JAVA_BYTE, PAGE - 1));
                pool.release(pages[i]);
            }
            assertEquals(0, pool.heldPages());
            if (disk.steps == fatal) {
                assertThrows(CacheFileException.class, pool::close);
            } else {
                pool.close();
            }
            assertFalse(Files.exists(temp.resolve("kv")));
            if (disk.steps <= fatal) {
                break;
            }
        }
        assertTrue(refusals > 20, refusals + " refusals");
        assertTrue(fatal > 25, fatal + " steps");
    }

    @Test
    void allOfAPageIsWrittenBeforeItIsHandedOut() {
        FailingDisk disk = new FailingDisk(-1);
        try (PagePool pool = pool(disk, PAGE, 100)) {
            for (int i = 1; i <= 16; i++) { // into the third extent
                pool.acquire();
                assertEquals(ScratchFile.HEADER_BYTES + i * PAGE, disk.writtenTo);
            }
            assertEquals(3, disk.mappings);
        }
    }

    @Test
    void smallPagesAreWrittenSeveralAtATime() {
        FailingDisk disk = new FailingDisk(-1);
        long small = 10_000;
        try (PagePool pool = pool(disk, small, 250)) {
            for (int i = 1; i <= 250; i++) {
                pool.acquire();
                assertTrue(disk.writtenTo >= ScratchFile.HEADER_BYTES + i * small);
            }
            assertEquals(ScratchFile.HEADER_BYTES + 250 * small, disk.writtenTo, "no more than the budget");
            assertEquals(1 + 1 + 3, disk.steps, "opened, mapped, and written three times");
        }
        disk = new FailingDisk(2);
        try (PagePool pool = pool(disk, small, 250)) {
            pool.acquire();
            assertEquals(4, disk.steps, "one page where there is no room for more");
        }
    }

    @Test
    void fiftySevenGigabytesTakeFewMappings() {
        FailingDisk disk = new FailingDisk(-1);
        disk.writes = false; // the file stays a hole
        long pageBytes = 3_500_000;
        int count = 1 << 14; // a million tokens
        try (PagePool pool = pool(disk, pageBytes, count)) {
            for (int i = 0; i < count; i++) {
                assertEquals(i, pool.acquire());
            }
            assertEquals(count * pageBytes, pool.allocatedBytes());
            assertEquals(pageBytes, pool.memory(count - 1).byteSize());
            assertTrue(disk.mappings < 70, disk.mappings + " mappings");
            for (int i = 0; i < count; i++) {
                pool.release(i);
            }
        }
    }

    @Test
    void anInterruptedCallerClosesNothing() {
        try (PagePool pool = pool(new FailingDisk(-1), PAGE, 3)) {
            pool.acquire();
            Thread.currentThread().interrupt();
            pool.acquire();
            assertTrue(Thread.interrupted(), "the interrupt is still the caller's to see");
            pool.acquire();
        }
    }

    @Test
    void otherFilesAreNotTouched() throws IOException {
        Path file = Files.writeString(temp.resolve("notes"), "of the user");
        CacheFileException e = assertThrows(CacheFileException.class, () -> PagePool.onFile(file, 64, 640));
        assertTrue(e.getMessage().contains("is not a cache file"), e.getMessage());
        assertEquals("of the user", Files.readString(file));
        assertThrows(CacheFileException.class, () -> PagePool.onFile(temp, 64, 640));
        assertThrows(CacheFileException.class, () -> PagePool.onFile(temp.resolve("no/folder"), 64, 640));
    }

    @Test
    void leftOversAreUsedAgainAndRunningOnesAreNot() throws IOException {
        Path file = temp.resolve("kv");
        byte[] leftOver;
        try (PagePool pool = PagePool.onFile(file, 64, 640)) {
            pool.acquire();
            CacheFileException e = assertThrows(CacheFileException.class, () -> PagePool.onFile(file, 64, 640));
            assertTrue(e.getMessage().contains("another model"), e.getMessage());
            leftOver = Files.readAllBytes(file);
        }
        Files.write(file, leftOver);
        try (PagePool pool = PagePool.onFile(file, 64, 640)) {
            assertEquals(ScratchFile.HEADER_BYTES, Files.size(file));
            byte[] page = pool.memory(pool.acquire()).toArray(ValueLayout.JAVA_BYTE);
            assertArrayEquals(new byte[64], page);
        }
        assertFalse(Files.exists(file));
    }
}
