/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

/** When to do again what takes a time that nobody knows before: not so often that it takes more than a part of a processor. One thread. */
final class Pace {
    /** Of the time between two beginnings one in so many is spent. */
    static final int PART = 20;

    private long dueNs;
    private boolean hasBegun;

    /** Whether enough time has passed. */
    boolean isDue(final long nowNs) {
        return !hasBegun || nowNs - dueNs >= 0;
    }

    /** It has been done. */
    void took(final long startNs, final long endNs) {
        hasBegun = true;
        dueNs = startNs + PART * (endNs - startNs);
    }
}
