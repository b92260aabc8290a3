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
    /** That a peer is heard is seen a second later at most, and that it refuses when it is sent something. */
    private static final long TOGETHER_MS = 5_000;

    /**
     * Whether the peer's address has said since then that nothing listens on the port, and has sent packets at about that time: one that was
     * restarted, or has a firewall that rejects, does so too.
     *
     * @param beginMs in milliseconds since 1970.
     */
    public boolean isHeardAndRefused(final long beginMs) {
        final IcmpError error = lastError;
        return null != error
                && error.isPortUnreachable()
                && error.sender().equals(address)
                && error.timeMs() >= beginMs
                && Math.abs(heardMs - error.timeMs()) <= TOGETHER_MS;
    }

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
