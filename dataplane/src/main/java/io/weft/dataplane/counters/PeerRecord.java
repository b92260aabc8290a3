/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import io.weft.address.IpAddress;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a peer, as it was when it was read. Packets and bytes as in {@link DataPlaneCounter}: those that were sent have
 * left, those that were received have been let in by their sender, whatever became of them then.
 *
 * @param address that packets are sent to.
 * @param heardMs when something came from it last, to the second, in milliseconds since 1970; 0 for never.
 * @param goneMs since when it is no peer any more, likewise; 0 while it is one.
 * @param pathMtu bytes of an outer IP packet that the way to it carries; 0 where that is not known.
 * @param lastError the last ICMP error for what was sent to it; null for none.
 * @param check the last check of the way to it; null without any.
 */
public record PeerRecord(
        IpAddress address,
        long sentPackets,
        long sentBytes,
        long receivedPackets,
        long receivedBytes,
        long heardMs,
        long goneMs,
        int pathMtu,
        @Nullable IcmpError lastError,
        @Nullable PathCheck check) {
    /**
     * The last error, if it tells of the time since then: not one from before that, nor a peer's own of a port that nothing listened on if
     * it was heard later.
     *
     * @param beginMs in milliseconds since 1970.
     */
    public @Nullable IcmpError refusalSince(final long beginMs) {
        final IcmpError error = lastError;
        if (null == error || error.timeMs() < beginMs) {
            return null;
        }
        final boolean isOutlived =
                error.isPortUnreachable() && error.sender().equals(address) && heardMs > error.timeMs();
        return isOutlived ? null : error;
    }
}
