package dev.cadre.core.tokenizer;

import dev.cadre.core.UnsupportedModelException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Text that counts how often it is looked at. A pattern comes from a file that nobody has vetted; one that backtracks
 * without end runs out of looks and fails, instead of holding a thread for hours.
 */
final class BudgetedText implements CharSequence {
    private static final long LOOKS_PER_CHAR = 4_000;
    private static final long FREE_LOOKS = 1_000_000;

    /** Looks of all texts whose match has ended, so that tests can bound the cost by counting. */
    static final AtomicLong LOOKS = new AtomicLong();

    private final String text;
    private final long budget;
    private long looksLeft;

    BudgetedText(String text) {
        this.text = text;
        this.budget = FREE_LOOKS + LOOKS_PER_CHAR * text.length();
        this.looksLeft = budget;
    }

    /** Adds this text's looks to {@link #LOOKS}. */
    void report() {
        LOOKS.addAndGet(budget - looksLeft);
    }

    @Override
    public int length() {
        return text.length();
    }

    @Override
    public char charAt(int index) {
        if (--looksLeft < 0) {
            throw new UnsupportedModelException("the tokenizer's pattern takes too many steps on a text of "
                    + text.length() + " characters; it backtracks");
        }
        return text.charAt(index);
    }

    @Override
    public CharSequence subSequence(int start, int end) {
        return text.subSequence(start, end);
    }

    @Override
    public String toString() {
        return text;
    }
}
