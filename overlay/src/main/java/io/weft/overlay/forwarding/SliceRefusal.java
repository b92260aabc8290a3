/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.INFO;

import io.weft.linux.LinuxException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntConsumer;

/** Says once, for all data threads, that they are refused the short time slices that they ask for. */
final class SliceRefusal implements IntConsumer {
    private static final System.Logger LOG = System.getLogger(SliceRefusal.class.getName());

    private final AtomicBoolean isTold = new AtomicBoolean();

    @Override
    public void accept(final int errno) {
        if (isTold.compareAndSet(false, true)) {
            final LinuxException refusal = new LinuxException(
                    "give data threads a time slice of their own (sched_setattr)",
                    errno,
                    "Packets wait longer where cores are short; have the filter of system calls of this container or unit"
                            + " allow sched_getattr and sched_setattr");
            LOG.log(INFO, "{0}", refusal.getMessage());
        }
    }
}
