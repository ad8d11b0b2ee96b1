package dev.cadre.core.saved;

import java.nio.ByteBuffer;

/** A cache as a file sees it: numbered pages in groups. Both directions are called from one thread. */
public interface SavedCache {
    /** Number of groups. */
    int groups();

    /** The first page of a group. */
    int first(int group);

    /** The end of a group's pages. */
    int end(int group);

    /** Moves one page between the cache and the buffer [0, pageBytes). */
    void page(int group, int index, ByteBuffer content);
}
