/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.capture;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The captures that are on in one data plane. While there is none, each packet costs the data threads one read of a field that
 * never changes, and a branch that is never taken.
 */
public final class Captures {
    /** As many as may be on at once: each takes memory, and time of the data threads. */
    public static final int MAX = 4;

    private static final VarHandle ON;

    static {
        try {
            ON = MethodHandles.lookup().findVarHandle(Captures.class, "on", Capture[].class);
        } catch (final ReflectiveOperationException ex) {
            throw new ExceptionInInitializerError(ex);
        }
    }

    /** Replaced whole; null while there is none. */
    @SuppressWarnings("unused")
    private Capture @Nullable [] on;

    /** No capture yet. */
    public Captures() {}

    /** Data threads: those that are on, or null. Opaque: no thread that runs for ever may keep the value for ever. */
    Capture @Nullable [] on() {
        return (Capture[]) ON.getOpaque(this);
    }

    /**
     * Puts a capture on. Any thread but those of the data plane.
     *
     * @throws IllegalArgumentException if {@value #MAX} are on.
     */
    public synchronized void add(final Capture capture) {
        final Capture[] before = on();
        if (null == before) {
            ON.setRelease(this, new Capture[] {capture});
            return;
        }
        if (MAX == before.length) {
            throw new IllegalArgumentException(MAX + " captures or traces are on, as many as may be: end one of them");
        }
        final Capture[] after = Arrays.copyOf(before, before.length + 1);
        after[before.length] = capture;
        ON.setRelease(this, after);
    }

    /** Takes a capture off. Data threads may still be writing to it: {@link Capture#close} waits for them. Any thread but theirs. */
    public synchronized void remove(final Capture capture) {
        final Capture[] before = on();
        if (null != before) {
            final Capture[] after =
                    Arrays.stream(before).filter(each -> each != capture).toArray(Capture[]::new);
            ON.setRelease(this, 0 == after.length ? null : after);
        }
    }
}
