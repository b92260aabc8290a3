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
    public void add(final Capture capture) {
        Capture @Nullable [] before;
        Capture[] after;
        do {
            before = on();
            final int count = null == before ? 0 : before.length;
            if (MAX == count) {
                throw new IllegalArgumentException(
                        MAX + " captures or traces are on, as many as may be: end one of them");
            }
            after = null == before ? new Capture[1] : Arrays.copyOf(before, count + 1);
            after[count] = capture;
        } while (!ON.compareAndSet(this, before, after));
    }

    /** Takes a capture off. Data threads may still be writing to it: {@link Capture#close} waits for them. Any thread but theirs. */
    public void remove(final Capture capture) {
        Capture @Nullable [] before;
        Capture[] after;
        do {
            before = on();
            if (null == before) {
                return;
            }
            after = Arrays.stream(before).filter(each -> each != capture).toArray(Capture[]::new);
        } while (!ON.compareAndSet(this, before, 0 == after.length ? null : after));
    }
}
