/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.util.concurrent.TimeUnit;

/** The moment by which something must be done, by the clock that never jumps. */
final class Deadline {
    private final long startNs;
    private final long allowedNs;

    private Deadline(final long startNs, final long allowedNs) {
        this.startNs = startNs;
        this.allowedNs = allowedNs;
    }

    /** So many milliseconds from now. */
    static Deadline in(final long timeoutMs) {
        return new Deadline(System.nanoTime(), TimeUnit.MILLISECONDS.toNanos(timeoutMs));
    }

    /** What is left, in milliseconds, rounded up; never negative. */
    long remainingMs() {
        final long remainingNs = allowedNs - (System.nanoTime() - startNs);
        return remainingNs <= 0 ? 0 : TimeUnit.NANOSECONDS.toMillis(remainingNs) + 1;
    }

    boolean hasPassed() {
        return 0 == remainingMs();
    }

    /** All that was allowed, in milliseconds. */
    long allowedMs() {
        return TimeUnit.NANOSECONDS.toMillis(allowedNs);
    }
}
