package dev.cadre.core;

/** Why a generation ended. */
public enum StopReason {
    /** The model produced an end token, or one of the stop texts. */
    STOP,
    /** The most tokens asked for were generated. */
    MAX_TOKENS,
    /** The session's context is full. */
    CONTEXT_FULL,
    /** Cancelled, closed, or the thread was interrupted. */
    CANCELLED
}
