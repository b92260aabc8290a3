/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.dataplane.counters.DropReason;
import io.weft.linux.Errno;

/** What to do when a send to the underlay fails. Decides and does nothing: no socket, no clock, no state. */
final class SendPolicy {
    /** What is to be done about a message. */
    enum Action {
        /** Send it again at once. */
        TRY_AGAIN,

        /** Keep it, and all behind it, until the socket takes more. */
        KEEP,

        /** Send its datagrams one by one, and so those that are as long from now on: the path to this peer is too narrow for them. */
        SEND_ONE_BY_ONE,

        /** Send its datagrams one by one, and so all to this peer from now on, however short: no message is cut on the way to it. */
        SEND_ALL_ONE_BY_ONE,

        /** Give it up, for {@link #reason}. */
        DROP
    }

    private SendPolicy() {}

    /**
     * A message was not sent. The kernel would not cut it: EIO if the device that the route to this peer takes cannot checksum (before
     * Linux 6.11) or the route is IPsec's, EMSGSIZE if a segment does not fit the path to this peer, for which it is EINVAL before Linux
     * 6.14 (net/ipv4/udp.c, {@code udp_send_skb}).
     *
     * @param datagrams that the message holds.
     */
    static Action onFailure(final int errno, final int datagrams) {
        return switch (errno) {
            case Errno.EINTR -> Action.TRY_AGAIN;
            case Errno.EAGAIN -> Action.KEEP;
            case Errno.EIO -> datagrams > 1 ? Action.SEND_ALL_ONE_BY_ONE : Action.DROP;
            case Errno.EINVAL, Errno.EMSGSIZE -> datagrams > 1 ? Action.SEND_ONE_BY_ONE : Action.DROP;
            default -> Action.DROP;
        };
    }

    /**
     * Under what a datagram is counted that was given up. EACCES and EINVAL are mostly what a route or a rule says that prohibits, or is
     * a blackhole (net/ipv4/fib_semantics.c, {@code fib_props}); a firewall's rule says EPERM.
     */
    static DropReason reason(final int errno) {
        return switch (errno) {
            case Errno.EAGAIN, Errno.ENOBUFS, Errno.ENOMEM -> DropReason.UNDERLAY_BUSY;
            case Errno.ENETUNREACH, Errno.EHOSTUNREACH, Errno.ENETDOWN, Errno.EACCES, Errno.EINVAL ->
                DropReason.UNDERLAY_UNREACHABLE;
            case Errno.EPERM -> DropReason.UNDERLAY_REFUSED;
            default -> DropReason.UNDERLAY_ERROR;
        };
    }
}
