/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Why a registry cannot be followed, as the log hears of it: each cause when it is another than the one before, for the first is
 * seldom the one that has to be mended, but none twice within a minute. Times are those of {@link System#nanoTime}. One thread.
 */
public final class Outage {
    private static final long AGAIN_NS = TimeUnit.MINUTES.toNanos(1);
    private static final int CAUSES_MAX = 32;

    private final Map<String, Long> saidNs = new HashMap<>();
    private String last = "";

    /** Whether the log is to hear of a failure; if so, that counts as done. */
    public boolean isNews(final String cause, final long nowNs) {
        if (cause.equals(last)) {
            return false;
        }
        final Long before = saidNs.get(cause);
        if (null != before && nowNs - before < AGAIN_NS) {
            return false;
        }
        if (saidNs.size() == CAUSES_MAX) {
            saidNs.clear();
        }
        last = cause;
        saidNs.put(cause, nowNs);
        return true;
    }

    /**
     * The registry is followed again.
     *
     * @return whether the log has heard that it was not.
     */
    public boolean end() {
        final boolean wasSaid = !saidNs.isEmpty();
        saidNs.clear();
        last = "";
        return wasSaid;
    }
}
