/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import java.util.List;
import java.util.stream.Stream;

/**
 * What the host's rules do with packets between its pods and those of other nodes.
 *
 * @param drops rules that drop all one way, with what to do; empty if there are none.
 * @param doubts rules that may drop some, which is as it should be or not.
 */
public record Forwarding(List<String> drops, List<String> doubts) {
    /** Nothing is known of any. */
    static final Forwarding WELL = new Forwarding(List.of(), List.of());

    /** Copies the lists. */
    public Forwarding {
        drops = List.copyOf(drops);
        doubts = List.copyOf(doubts);
    }

    /** The rules that drop all, in words; empty if there are none. */
    public String trouble() {
        return String.join("; ", drops);
    }

    /** The rules that may drop some, in the same way. */
    public String doubt() {
        return String.join("; ", doubts);
    }

    Forwarding and(final Forwarding other) {
        return new Forwarding(
                Stream.concat(drops.stream(), other.drops.stream()).toList(),
                Stream.concat(doubts.stream(), other.doubts.stream()).distinct().toList());
    }
}
