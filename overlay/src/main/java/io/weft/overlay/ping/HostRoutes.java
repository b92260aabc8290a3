/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.record.PeerPath;
import java.util.Optional;

/** Whether the host leads packets for peers to the tunnel's device: as {@code ip route get} asks. Owned by one thread. */
final class HostRoutes implements AutoCloseable {
    private final Rtnetlink rtnetlink;

    private HostRoutes(final Rtnetlink rtnetlink) {
        this.rtnetlink = rtnetlink;
    }

    /** Opens those of the calling thread's network namespace. */
    static HostRoutes open() {
        return new HostRoutes(Rtnetlink.open());
    }

    /** Whether there is a route for the way that leads elsewhere. Without any the send tells, and without the device weftd itself. */
    boolean leadElsewhere(final PeerPath path) {
        final Optional<Link> device = rtnetlink.link(path.device());
        try {
            return device.isPresent()
                    && device.get().index()
                            != rtnetlink
                                    .routeTo(path.overlayAddress().toInetAddress())
                                    .linkIndex();
        } catch (final LinuxException e) {
            final boolean isWithoutWay = switch (e.errno()) {
                case Errno.ENETUNREACH, Errno.EHOSTUNREACH, Errno.EACCES, Errno.EINVAL -> true;
                default -> false;
            };
            if (isWithoutWay) {
                return false;
            }
            throw e;
        }
    }

    @Override
    public void close() {
        rtnetlink.close();
    }
}
