/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import java.util.concurrent.atomic.AtomicLong;
import org.agrona.concurrent.Agent;

/** The last agent of a data thread: counts the duty cycles, so that another thread sees whether they go on. */
final class DutyCycles implements Agent {
    /** Written by the data thread alone. */
    private final AtomicLong ended = new AtomicLong();

    @Override
    public int doWork() {
        ended.lazySet(ended.getPlain() + 1);
        return 0;
    }

    /** How many have ended. Any thread. */
    long ended() {
        return ended.get();
    }

    @Override
    public String roleName() {
        return "duty-cycles";
    }
}
