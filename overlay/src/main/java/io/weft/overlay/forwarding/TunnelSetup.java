/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import io.weft.dataplane.underlay.UnderlaySockets;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.LeaseKey;
import io.weft.routing.Encapsulation;
import io.weft.routing.RoutingContext;
import java.net.InetAddress;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What a forwarder has of its own for each backend: sockets and what the tables begin with. */
final class TunnelSetup {
    private TunnelSetup() {}

    /** Opens the sockets, or goes on with those that another process left. */
    static UnderlaySockets sockets(final Forwarder.Settings settings, final List<Integer> left) {
        final InetAddress local = settings.local();
        final int port = settings.config().backend().port();
        final int workers = settings.options().workers();
        final int bufferLength = UnderlaySockets.BUFFER_LENGTH_DEFAULT;
        return BackendType.UDP == settings.config().backend().type()
                ? UnderlaySockets.openOnePort(local, port, workers, bufferLength, left)
                : UnderlaySockets.open(local, port, workers, UnderlaySockets.SEND_SOCKETS_DEFAULT, bufferLength, left);
    }

    /** What the tables know of this node. */
    static RoutingContext routing(final Forwarder.Settings settings) {
        final RoutingContext context =
                new RoutingContext().underlayPort(settings.config().backend().port());
        if (BackendType.UDP == settings.config().backend().type()) {
            context.encapsulation(Encapsulation.BARE_IP);
        } else {
            context.vni(settings.config().backend().vni()).vtepMac(settings.vtepMac());
            final LeaseKey own = settings.own().key();
            Stream.of(own.subnet(), own.ipv6Subnet())
                    .flatMap(Stream::ofNullable)
                    .forEach(subnet -> context.addOverlayAddress(subnet.base()));
        }
        addAddress(context, settings.underlay().address());
        addAddress(context, settings.underlay().ipv6Address());
        return context;
    }

    private static void addAddress(final RoutingContext context, final @Nullable InetAddress address) {
        if (null != address) {
            context.addUnderlayAddress(address);
        }
    }
}
