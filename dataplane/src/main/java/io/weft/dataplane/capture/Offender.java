/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.capture;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.DropReason;
import org.jspecify.annotations.Nullable;

/**
 * A packet that was dropped.
 *
 * @param reason why.
 * @param peer that the datagram came from, or was to go to; null for what had no way yet, and for what the host did not take.
 * @param source of the packet inside; null where that is none.
 * @param destination of the packet inside; null likewise.
 */
public record Offender(
        DropReason reason,
        @Nullable IpAddress peer,
        @Nullable IpAddress source,
        @Nullable IpAddress destination) {
    /** The addresses, that of the sender first: {@code 192.168.100.9, inside 10.244.0.5 > 10.244.1.2}, or {@code 10.244.1.2 > 10.244.0.5}. */
    public String addresses() {
        final String inside = null == source ? "" : source + " > " + destination;
        if (null == peer) {
            return inside;
        }
        return switch (reason.direction()) {
            case EGRESS -> inside.isEmpty() ? "packet to " + peer : inside + ", to " + peer;
            case INGRESS -> inside.isEmpty() ? peer.toString() : peer + ", inside " + inside;
        };
    }
}
