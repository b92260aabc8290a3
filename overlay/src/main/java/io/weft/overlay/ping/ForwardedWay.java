/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import io.weft.linux.IcmpSocket;
import io.weft.linux.LinuxException;
import io.weft.overlay.record.PeerPath;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import org.agrona.CloseHelper;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Asks a peer's host for nothing, and has it forward a packet to a pod, as it does with those of pods; but with no hop left, so that it
 * tells instead that it was too far, and no pod gets it. A host whose firewall lets no question in answers this, for what is forwarded
 * does not come to its own chains of input.
 */
final class ForwardedWay implements EchoExchange.Way, AutoCloseable {
    private static final int HOPS = 1;

    private final Map<IpAddress, IpAddress> pods = new HashMap<>();
    private final Map<IpAddress, PeerPath> paths = new HashMap<>();
    private final Map<IpFamily, IcmpSocket> sockets = new EnumMap<>(IpFamily.class);

    private ForwardedWay(final Collection<PeerPath> asked) {
        for (final PeerPath path : asked) {
            final int hostLength = path.subnet().isIpv4() ? Integer.SIZE : 2 * Long.SIZE;
            // The last address is that of all hosts.
            pods.put(
                    path.overlayAddress(), path.subnet().last(hostLength).base().plus(-1));
            paths.put(path.overlayAddress(), path);
        }
    }

    /**
     * Opens its sockets in the network namespace of the calling thread.
     *
     * @throws LinuxException if the kernel refuses.
     */
    static ForwardedWay open(final Collection<PeerPath> asked) {
        final ForwardedWay way = new ForwardedWay(asked);
        boolean isOpen = false;
        try {
            for (final IpAddress pod : way.pods.values()) {
                if (!way.sockets.containsKey(pod.family())) {
                    final IcmpSocket socket = IcmpSocket.open(pod.family());
                    way.sockets.put(pod.family(), socket);
                    socket.doNotFragment();
                    socket.hops(HOPS);
                }
            }
            isOpen = true;
            return way;
        } finally {
            if (!isOpen) {
                way.close();
            }
        }
    }

    @Override
    public long send(final EchoRequest request, final UnsafeBuffer message, final int length) {
        final @Nullable IpAddress pod = pods.get(request.to());
        final @Nullable IcmpSocket socket = null == pod ? null : sockets.get(pod.family());
        return null == pod || null == socket ? EchoExchange.NO_ANSWER : socket.send(pod, message, length);
    }

    /** A host tells it by one of its addresses in the overlay: another router's would mean that the packet went another way. */
    @Override
    public boolean isAnswer(final EchoRequest request, final IpAddress sender, final boolean isError) {
        final @Nullable PeerPath path = paths.get(request.to());
        return isError && null != path && path.subnet().contains(IpPrefix.host(sender));
    }

    @Override
    public void close() {
        CloseHelper.closeAll(sockets.values());
    }
}
