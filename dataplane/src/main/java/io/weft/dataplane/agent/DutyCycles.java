/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import java.util.concurrent.atomic.AtomicLong;
import org.agrona.concurrent.Agent;

/** The last agent of a data thread: counts the duty cycles, so that another thread sees whether they go on. */
final class DutyCycles implements Agent {
    /** Written by the data thread alone. */
    private final AtomicLong ended = new AtomicLong();

    /** Of the watching thread. */
    private long seen;

    @Override
    public int doWork() {
        ended.lazySet(ended.getPlain() + 1);
        return 0;
    }

    /** Whether one has ended since the last call. Always the same thread. */
    boolean hasNew() {
        final long before = seen;
        seen = ended.get();
        return seen != before;
    }

    @Override
    public String roleName() {
        return "duty-cycles";
    }
}
