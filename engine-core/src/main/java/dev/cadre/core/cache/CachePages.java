package dev.cadre.core.cache;

import dev.cadre.core.saved.SavedCache;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.function.Consumer;

/** The pages of a sequence, for files. Each is moved within {@code around}, which may guard the pool meanwhile. */
public final class CachePages {
    private CachePages() {}

    /** Copies pages out of a sequence; what a page holds beyond the sequence's end comes as zeros. */
    public static SavedCache out(SequenceCache cache, Consumer<Runnable> around) {
        return new Pages(cache, around) {
            @Override
            void move(int group, int index, ByteBuffer content) {
                MemorySegment copy = MemorySegment.ofBuffer(content);
                copy.copyFrom(cache.memory(group, index));
                int valid = cache.length() - index * CacheLayout.PAGE_TOKENS;
                if (valid < CacheLayout.PAGE_TOKENS) {
                    cache.layout().clearRows(copy, group, valid);
                }
            }
        };
    }

    /** Copies pages into a sequence that was made for them. */
    public static SavedCache in(SequenceCache cache, Consumer<Runnable> around) {
        return new Pages(cache, around) {
            @Override
            void move(int group, int index, ByteBuffer content) {
                cache.memory(group, index).copyFrom(MemorySegment.ofBuffer(content));
            }
        };
    }

    private abstract static class Pages implements SavedCache {
        private final SequenceCache cache;
        private final Consumer<Runnable> around;

        Pages(SequenceCache cache, Consumer<Runnable> around) {
            this.cache = cache;
            this.around = around;
        }

        abstract void move(int group, int index, ByteBuffer content);

        @Override
        public void page(int group, int index, ByteBuffer content) {
            around.accept(() -> move(group, index, content));
        }

        @Override
        public int groups() {
            return cache.layout().groups();
        }

        @Override
        public int first(int group) {
            return cache.firstPage(group);
        }

        @Override
        public int end(int group) {
            return cache.endPage(group);
        }
    }
}
