package dev.cadre.core.sampling;

import java.util.List;

/** Watches a stream of text for stop texts, and holds back what could be the beginning of one. */
public final class StopTexts {
    private final List<String> stops;
    private final StringBuilder held = new StringBuilder();
    private boolean reached;

    /** Watches for any of {@code stops}. */
    public StopTexts(List<String> stops) {
        this.stops = stops;
    }

    /** Adds text; returns what is certain not to belong to a stop text. */
    public String add(String text) {
        if (stops.isEmpty() || reached) {
            return reached ? "" : text;
        }
        held.append(text);
        int end = -1;
        for (String stop : stops) {
            int at = held.indexOf(stop);
            if (at >= 0 && (end < 0 || at < end)) {
                end = at;
            }
        }
        if (end >= 0) {
            reached = true;
            String visible = held.substring(0, end);
            held.setLength(0);
            return visible;
        }
        int keep = 0;
        for (String stop : stops) {
            keep = Math.max(keep, beginning(stop));
        }
        String visible = held.substring(0, held.length() - keep);
        held.delete(0, held.length() - keep);
        return visible;
    }

    /** Length of the longest end of the held text that begins {@code stop}. */
    private int beginning(String stop) {
        for (int n = Math.min(stop.length() - 1, held.length()); n > 0; n--) {
            if (stop.startsWith(held.substring(held.length() - n))) {
                return n;
            }
        }
        return 0;
    }

    /** Whether a stop text came. */
    public boolean reached() {
        return reached;
    }

    /** No more text comes: what was held back is text after all. */
    public String finish() {
        String rest = held.toString();
        held.setLength(0);
        return rest;
    }
}
