/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.DropReason;
import org.jspecify.annotations.Nullable;

/**
 * A packet that the {@link IngressPolicy} refused.
 *
 * @param reason that it was refused for.
 * @param sender address that the datagram came from.
 * @param source of the packet inside; null where nobody looked inside, since the sender was enough.
 * @param destination of the packet inside; null likewise.
 */
public record Offender(
        DropReason reason,
        IpAddress sender,
        @Nullable IpAddress source,
        @Nullable IpAddress destination) {
    /** The addresses: {@code 192.168.100.9, inside 10.244.0.5 > 10.244.1.2}. */
    public String addresses() {
        return null == source ? sender.toString() : sender + ", inside " + source + " > " + destination;
    }
}
