package dev.cadre.core.saved;

import dev.cadre.core.KvPrecision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The header of a saved session, and where in the file everything is.
 *
 * <pre>
 *   file    := header groups tokens* page*      each of them a block: content, then CRC-32C (4 bytes)
 *   header  := "CADRE-KV" version:4 precision:4 fingerprint:32 positions:4 known:4 unread:4
 *              groups:4 pageBytes:8 pages:8     80 bytes
 *   groups  := (first page:4 end:4) for each group of layers
 *   tokens  := ids:4 of the known positions, then the unread ones, 16,384 in a block
 *   page    := pageBytes bytes, of group 0 from its first to its last page, then of group 1, …
 * </pre>
 *
 * All numbers are little-endian. A checksum covers the number of its block too, so that exchanged blocks are noticed.
 * The version must change with the layout of a page ({@code CacheLayout}, {@code RowFormat}, {@code
 * IndexKeyFormat}). Version 2 has index keys by their dimensions, and as bytes instead of e4m3.
 *
 * @param precision of the cache
 * @param fingerprint of the model
 * @param positions in the cache
 * @param known leading positions whose tokens are known
 * @param unread tokens that follow them but are not in the cache
 * @param groups of layers
 * @param pageBytes size of a page
 * @param pages in the file
 */
public record SessionHeader(
        KvPrecision precision,
        byte[] fingerprint,
        int positions,
        int known,
        int unread,
        int groups,
        long pageBytes,
        long pages) {
    static final int VERSION = 2;
    static final int BYTES = 80;
    static final int FINGERPRINT_BYTES = 32;
    static final int CHECKSUM_BYTES = 4;
    static final int TOKENS_IN_BLOCK = 16_384;

    private static final byte[] MAGIC = "CADRE-KV".getBytes(StandardCharsets.US_ASCII);

    int tokens() {
        return Math.addExact(known, unread);
    }

    int tokenBlocks() {
        return (int) (((long) tokens() + TOKENS_IN_BLOCK - 1) / TOKENS_IN_BLOCK);
    }

    /** Tokens in one of the blocks. */
    int tokensIn(int block) {
        return Math.min(TOKENS_IN_BLOCK, tokens() - block * TOKENS_IN_BLOCK);
    }

    /**
     * Bytes of the whole file.
     *
     * @throws ArithmeticException if there is no such number
     */
    long fileBytes() {
        long bytes = BYTES + CHECKSUM_BYTES;
        bytes += 8L * groups + CHECKSUM_BYTES;
        bytes += 4L * tokens() + (long) CHECKSUM_BYTES * tokenBlocks();
        return Math.addExact(bytes, Math.multiplyExact(pages, Math.addExact(pageBytes, CHECKSUM_BYTES)));
    }

    void put(ByteBuffer to) {
        to.order(ByteOrder.LITTLE_ENDIAN);
        to.put(MAGIC).putInt(VERSION).putInt(code(precision)).put(fingerprint);
        to.putInt(positions)
                .putInt(known)
                .putInt(unread)
                .putInt(groups)
                .putLong(pageBytes)
                .putLong(pages);
    }

    /** Whether this is the beginning of a saved session of any version. */
    static boolean hasMagic(ByteBuffer from) {
        byte[] found = new byte[MAGIC.length];
        from.get(0, found);
        return Arrays.equals(found, MAGIC);
    }

    static int version(ByteBuffer from) {
        return from.getInt(MAGIC.length);
    }

    /** Reads a header whose checksum is right; null if no writer can have written these values. */
    static SessionHeader get(ByteBuffer from) {
        from.order(ByteOrder.LITTLE_ENDIAN).position(MAGIC.length + 4);
        KvPrecision precision = ofCode(from.getInt());
        byte[] fingerprint = new byte[FINGERPRINT_BYTES];
        from.get(fingerprint);
        SessionHeader header = new SessionHeader(
                precision,
                fingerprint,
                from.getInt(),
                from.getInt(),
                from.getInt(),
                from.getInt(),
                from.getLong(),
                from.getLong());
        return header.plausible() ? header : null;
    }

    private boolean plausible() {
        return precision != null
                && positions >= 0
                && known >= 0
                && known <= positions
                && unread >= 0
                && unread <= Integer.MAX_VALUE - positions
                && groups >= 0
                && pageBytes >= 0
                && pages >= 0;
    }

    private static int code(KvPrecision precision) {
        return switch (precision) {
            case F32 -> 0;
            case BF16 -> 1;
            case FP8 -> 2;
        };
    }

    private static KvPrecision ofCode(int code) {
        return switch (code) {
            case 0 -> KvPrecision.F32;
            case 1 -> KvPrecision.BF16;
            case 2 -> KvPrecision.FP8;
            default -> null;
        };
    }
}
