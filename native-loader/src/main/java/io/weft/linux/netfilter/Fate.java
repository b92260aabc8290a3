/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import org.jspecify.annotations.Nullable;

/**
 * What becomes of packets by the rules of a host.
 *
 * @param dropped what drops all of them; null if nothing does for certain.
 * @param mayLose the first that may drop some of them, or send them elsewhere; null if there is none.
 * @param touched the first rule that may concern some of them, whatever it does, in words; empty if there is none.
 */
public record Fate(@Nullable Culprit dropped, @Nullable Culprit mayLose, String touched) {
    /** What drops all for certain, in words; empty if nothing does. */
    public String droppedBy() {
        return null == dropped ? "" : dropped.words();
    }

    /** What may drop some, in words; empty if nothing does. */
    public String mayBeLostBy() {
        return null == mayLose ? "" : mayLose.words();
    }
}
