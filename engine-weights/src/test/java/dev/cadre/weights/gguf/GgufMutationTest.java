package dev.cadre.weights.gguf;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.weights.Allocations;
import dev.cadre.weights.CheckpointLimits;
import dev.cadre.weights.internal.MappedFile;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Damages a good file (every value type, every tensor type) at every byte of its header. It may still be readable;
 * then all of it must be, within its bounds. If not, our exception says so, and little was allocated.
 */
class GgufMutationTest {
    private static final byte[] GOLDEN = golden();
    private static final int HEADER = GgufReader.read(file(GOLDEN), CheckpointLimits.DEFAULTS).tensors().stream()
            .mapToInt(tensor -> (int) tensor.offset())
            .min()
            .orElseThrow();

    private static byte[] golden() {
        try (InputStream in = GgufMutationTest.class.getResourceAsStream("/golden/gguf-types/model.gguf")) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static MappedFile file(byte[] bytes) {
        return new MappedFile(Path.of("mutated.gguf"), MemorySegment.ofArray(bytes), bytes.length);
    }

    /** True if the file could be read. Anything but our exception escapes and fails the test. */
    private static boolean readAll(byte[] bytes, String what) {
        return Allocations.bounded(bytes.length, what, () -> GgufHeaders.readAll(bytes));
    }

    @Test
    void truncatedAtEveryByte() {
        for (int length = 0; length < GOLDEN.length; length++) {
            boolean read = readAll(Arrays.copyOf(GOLDEN, length), "cut at " + length);
            // the file ends with padding that no tensor needs
            assertTrue(!read || length > GOLDEN.length - 32, "cut at " + length + " was read");
        }
    }

    @Test
    void everyHeaderByteMutated() {
        int refused = 0;
        for (int at = 0; at < HEADER; at++) {
            for (int mask : new int[] {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff}) {
                byte[] bytes = GOLDEN.clone();
                bytes[at] ^= (byte) mask;
                refused += readAll(bytes, "byte " + at + " ^ " + mask) ? 0 : 1;
            }
        }
        assertTrue(refused > 3 * HEADER, refused + " of " + 9 * HEADER + " mutations refused");
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, (1L << 31) - 1, 1L << 31, (1L << 32) - 1, 1L << 32, Long.MAX_VALUE, Long.MIN_VALUE, -1})
    void everyEightBytesSetTo(long value) {
        for (int at = 4; at + 8 <= HEADER; at++) {
            byte[] bytes = GOLDEN.clone();
            ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(at, value);
            readAll(bytes, value + " at " + at);
        }
    }

    @Test
    void rangesRemovedAndRepeated() {
        Random random = new Random(Long.getLong("cadre.seed", 4));
        for (int round = 0; round < 3000; round++) {
            int from = random.nextInt(HEADER);
            int to = from + random.nextInt(Math.min(64, HEADER - from));
            byte[] removed = new byte[GOLDEN.length - (to - from)];
            System.arraycopy(GOLDEN, 0, removed, 0, from);
            System.arraycopy(GOLDEN, to, removed, from, GOLDEN.length - to);
            readAll(removed, "without " + from + " to " + to);
            byte[] repeated = new byte[GOLDEN.length + (to - from)];
            System.arraycopy(GOLDEN, 0, repeated, 0, to);
            System.arraycopy(GOLDEN, from, repeated, to, GOLDEN.length - from);
            readAll(repeated, from + " to " + to + " twice");
        }
    }
}
