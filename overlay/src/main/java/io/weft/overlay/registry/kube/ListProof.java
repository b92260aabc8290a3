/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * Whether a watch that is to begin with all nodes does so. A server that does not know streaming lists takes it for a watch of changes,
 * which goes on for ever where nodes change often: so only nodes that are there count, one after the other, and the whole has a bound.
 * Times are those of {@link System#nanoTime}.
 */
final class ListProof {
    /** What comes for longer is asked for in one piece. */
    static final long WHOLE_MAX_NS = TimeUnit.MINUTES.toNanos(1);

    private final long maxNs;
    private final long startNs;
    private long heardNs;
    private boolean hasNode;

    /** @param max for the first node, and twice that for the next or the end. */
    ListProof(final Duration max, final long nowNs) {
        maxNs = max.toNanos();
        startNs = nowNs;
        heardNs = nowNs;
    }

    /** A line has come. */
    void heard(final KubeEvent event, final long nowNs) {
        if ("ADDED".equals(event.type())) {
            hasNode = true;
            heardNs = nowNs;
        }
    }

    /** Whether it has been waited for long enough, while the end has not come. */
    boolean isMissing(final long nowNs) {
        return nowNs - heardNs >= (hasNode ? 2 * maxNs : maxNs) || nowNs - startNs >= WHOLE_MAX_NS;
    }
}
