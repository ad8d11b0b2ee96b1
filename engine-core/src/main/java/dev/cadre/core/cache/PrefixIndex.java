package dev.cadre.core.cache;

import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.IntConsumer;

/**
 * Full pages by the tokens that made them, so that sessions with the same beginning share its pages and do not compute
 * it again. What a page holds depends on the tokens of its positions and of all before them, on nothing else.
 *
 * <p>Invariants:
 * <ol>
 *   <li>A node stands for 64 tokens after those of its parent, and holds one reference to a page of each group.
 *   <li>A node is found by comparing tokens, its own and those of all its ancestors; hashes only say where to look.
 *   <li>The parent of a node that is in the index is in the index: only leaves are given up, the least recently used
 *       first.
 *   <li>There are never more nodes than the budget holds.
 *   <li>Pages of sequences whose content has other origins than their tokens never come in.
 * </ol>
 *
 * <p>Called by one thread at a time.
 */
public final class PrefixIndex {
    private static final int PAGE = CacheLayout.PAGE_TOKENS;

    private final PagePool pool;
    private final Hash hash;
    private final long mostNodes;
    private final Map<Long, Node> nodes = new HashMap<>(); // by hash; nodes of equal hash are chained
    private final TreeSet<Node> leaves =
            new TreeSet<>(Comparator.<Node>comparingLong(node -> node.lastUse).thenComparingLong(node -> node.number));
    private final Node root = new Node(null, 0, null, null, 0);
    private int count;
    private long clock;

    /** Where to look for 64 tokens. */
    interface Hash {
        long of(long parentHash, int[] tokens, int from);
    }

    /** Pages that follow those of the parent. */
    static final class Node {
        private final Node parent;
        private final long hash;
        private final int[] tokens;
        private final int[] pages; // one of each group
        private final int depth; // pages from the root to here
        private final long number;
        private Node nextOfHash;
        private int children;
        private long lastUse;
        private boolean dropped;

        private Node(Node parent, long hash, int[] tokens, int[] pages, long number) {
            this.parent = parent;
            this.hash = hash;
            this.tokens = tokens;
            this.pages = pages;
            this.depth = parent == null ? 0 : parent.depth + 1;
            this.number = number;
            this.lastUse = number;
        }

        /** This node or the ancestor that stands for at most {@code pages} pages. */
        Node upTo(int pages) {
            Node node = this;
            while (node.depth > pages) {
                node = node.parent;
            }
            return node;
        }
    }

    /**
     * An empty index, from which the pool takes pages back when it has no other.
     *
     * @param budgetBytes most bytes of pages to hold; 0 for none
     */
    public PrefixIndex(CacheLayout layout, PagePool pool, long budgetBytes) {
        this(layout, pool, budgetBytes, seeded(new SecureRandom().nextLong()));
    }

    PrefixIndex(CacheLayout layout, PagePool pool, long budgetBytes, Hash hash) {
        this.pool = pool;
        this.hash = hash;
        this.mostNodes = layout.pageBytes() == 0 ? 0 : budgetBytes / layout.groups() / layout.pageBytes();
        pool.onShortage(this::giveUpOne);
    }

    /** A hash that nobody who sends prompts can foresee. */
    private static Hash seeded(long seed) {
        return (parentHash, tokens, from) -> {
            long h = parentHash ^ seed;
            for (int i = from; i < from + PAGE; i++) {
                h = (h ^ tokens[i]) * 0x9e3779b97f4a7c15L;
                h ^= h >>> 29;
            }
            return h;
        };
    }

    /** Pages of each group that the index holds. */
    public int size() {
        return count;
    }

    /**
     * Gives an empty sequence the longest beginning of {@code tokens} that is known.
     *
     * @param usable leading tokens that may be taken, those of whole pages
     * @return number of positions that the sequence then has
     */
    public int adopt(SequenceCache cache, int[] tokens, int usable) {
        Node node = root;
        for (Node next = root; next != null; ) {
            node = next;
            next = (node.depth + 1) * (long) PAGE <= usable ? find(node, tokens, node.depth * PAGE) : null;
        }
        if (node == root) {
            return 0;
        }
        int[][] pages = new int[node.depth][];
        for (Node n = node; n != root; n = n.parent) {
            use(n);
            pages[n.depth - 1] = n.pages;
        }
        cache.adopt(pages, tokens, node);
        return cache.length();
    }

    /** Takes in the full pages of a sequence, after a step. For those it knows, the sequence gets the known ones. */
    public void register(SequenceCache cache) {
        if (mostNodes == 0 || !cache.dependsOnTokensAlone()) {
            return;
        }
        int full = cache.length() / PAGE;
        Node node = cache.prefix() == null || cache.prefix().dropped ? root : cache.prefix();
        while (node.depth < full) {
            Node next = find(node, cache.tokenArray(), node.depth * PAGE);
            if (next == null) {
                next = insert(node, cache);
            } else {
                cache.share(node.depth, next.pages);
                use(next);
            }
            if (next == null) {
                break;
            }
            node = next;
        }
        cache.prefix(node);
    }

    private Node find(Node parent, int[] tokens, int from) {
        Node node = nodes.get(hash.of(parent.hash, tokens, from));
        while (node != null
                && !(node.parent == parent && Arrays.equals(node.tokens, 0, PAGE, tokens, from, from + PAGE))) {
            node = node.nextOfHash;
        }
        return node;
    }

    /** Null if the budget has no room beside the parent, or the sequence has given a page of some window back. */
    private Node insert(Node parent, SequenceCache cache) {
        int[] pages = cache.pages(parent.depth);
        if (pages == null) {
            return null;
        }
        while (count >= mostNodes) {
            Node oldest = leaves.isEmpty() ? null : leaves.first();
            oldest = oldest == parent ? leaves.higher(oldest) : oldest;
            if (oldest == null) {
                return null;
            }
            drop(oldest);
        }
        int from = parent.depth * PAGE;
        int[] tokens = Arrays.copyOfRange(cache.tokenArray(), from, from + PAGE);
        Node node = new Node(parent, hash.of(parent.hash, tokens, 0), tokens, pages, ++clock);
        for (int page : pages) {
            pool.retain(page);
        }
        node.nextOfHash = nodes.put(node.hash, node);
        if (parent.children++ == 0) {
            leaves.remove(parent);
        }
        leaves.add(node);
        count++;
        return node;
    }

    private void use(Node node) {
        boolean leaf = leaves.remove(node);
        node.lastUse = ++clock;
        if (leaf) {
            leaves.add(node);
        }
    }

    private void drop(Node leaf) {
        leaves.remove(leaf);
        Node first = nodes.get(leaf.hash);
        if (first == leaf) {
            if (leaf.nextOfHash == null) {
                nodes.remove(leaf.hash);
            } else {
                nodes.put(leaf.hash, leaf.nextOfHash);
            }
        } else {
            while (first.nextOfHash != leaf) {
                first = first.nextOfHash;
            }
            first.nextOfHash = leaf.nextOfHash;
        }
        leaf.dropped = true;
        count--;
        for (int page : leaf.pages) {
            pool.release(page);
        }
        Node parent = leaf.parent;
        if (--parent.children == 0 && parent != root) {
            parent.lastUse = Math.max(parent.lastUse, leaf.lastUse);
            leaves.add(parent);
        }
    }

    /**
     * Frees a page if that is possible: the least recently used one that nobody else holds. If there seems to be none,
     * leaves go that free nothing, since behind a window there may be some; at the end the index is empty.
     */
    private boolean giveUpOne() {
        for (Node leaf : leaves) {
            if (heldHereOnly(leaf)) {
                drop(leaf);
                return true;
            }
        }
        while (!leaves.isEmpty()) {
            Node oldest = leaves.first();
            boolean frees = heldHereOnly(oldest);
            drop(oldest);
            if (frees) {
                return true;
            }
        }
        return false;
    }

    private boolean heldHereOnly(Node node) {
        for (int page : node.pages) {
            if (!pool.shared(page)) {
                return true;
            }
        }
        return false;
    }

    /** Tells each page that the index holds. */
    void forEachPage(IntConsumer action) {
        for (Node first : nodes.values()) {
            for (Node node = first; node != null; node = node.nextOfHash) {
                Arrays.stream(node.pages).forEach(action);
            }
        }
    }

    /** Gives all pages up. */
    public void clear() {
        while (!leaves.isEmpty()) {
            drop(leaves.first());
        }
    }
}
