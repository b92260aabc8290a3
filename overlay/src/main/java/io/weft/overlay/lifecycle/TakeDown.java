/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

import static java.lang.System.Logger.Level.WARNING;

import java.util.Deque;

/** Undoing what was set up, the last step first, where one failure must not keep the other steps from being undone. */
public final class TakeDown {
    private static final System.Logger LOG = System.getLogger(TakeDown.class.getName());

    private TakeDown() {}

    /** Closes and removes all steps; a failure is logged, for there is nobody left to whom it could be told. */
    public static void all(final Deque<AutoCloseable> steps) {
        while (!steps.isEmpty()) {
            final AutoCloseable step = steps.pop();
            try {
                step.close();
            } catch (final Exception failure) {
                LOG.log(
                        WARNING,
                        "take down {0}: {1}{2}",
                        step.getClass().getSimpleName(),
                        failure,
                        LogFields.of("step", step.getClass().getSimpleName()));
            }
        }
    }

    /** Waits for a thread that was told to end; one that hangs ends by itself, only unobserved. */
    public static void await(final Thread thread, final long patienceMs) {
        try {
            thread.join(patienceMs);
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }
}
