/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.underlay;

import io.weft.linux.PacketSocket;
import io.weft.linux.TunnelFilter;
import io.weft.linux.UdpSocket;
import java.util.List;
import org.agrona.CloseHelper;

/**
 * The packet sockets of a node on the underlay, one for each worker, beside the receiving {@link UnderlaySockets}, which leave them
 * what they take. Made in the network namespace of the sockets and steered by the control thread.
 */
public final class PacketSockets implements AutoCloseable {
    private final List<UdpSocket> receivers;
    private final List<PacketSocket> ports;
    private final int bufferLength;
    private TunnelFilter filter;
    private boolean isOwn;

    private PacketSockets(
            final List<UdpSocket> receivers,
            final List<PacketSocket> ports,
            final TunnelFilter filter,
            final int bufferLength) {
        this.receivers = receivers;
        this.ports = ports;
        this.filter = filter;
        this.bufferLength = bufferLength;
    }

    /**
     * Opens packet sockets in the calling thread's network namespace.
     *
     * @param filter what they take.
     * @param bufferLength bytes that each may buffer.
     * @throws io.weft.linux.LinuxException if the kernel refuses: CAP_NET_RAW is needed, and the device.
     */
    public static PacketSockets open(final UnderlaySockets sockets, final TunnelFilter filter, final int bufferLength) {
        final List<UdpSocket> receivers = sockets.receivePorts();
        final PacketSockets opened =
                new PacketSockets(receivers, open(receivers, filter, bufferLength), filter, bufferLength);
        opened.own();
        return opened;
    }

    /**
     * Goes on with packet sockets that another process left, with the receiving {@code sockets} beside them.
     *
     * @param filter what they are to take; what they do take tells the device that they are bound to.
     * @param bufferLength bytes that each may buffer.
     * @param left their descriptors, one for each worker, which belong to this from now on.
     */
    public static PacketSockets adopt(
            final UnderlaySockets sockets,
            final TunnelFilter filter,
            final int bufferLength,
            final List<Integer> left) {
        final List<PacketSocket> ports = left.stream().map(PacketSocket::adopt).toList();
        boolean isAdopted = false;
        try {
            final TunnelFilter present = new TunnelFilter(ports.get(0).linkIndex(), filter.local(), filter.port());
            final PacketSockets adopted = new PacketSockets(sockets.receivePorts(), ports, present, bufferLength);
            isAdopted = true;
            return adopted;
        } finally {
            if (!isAdopted) {
                CloseHelper.quietCloseAll(ports);
            }
        }
    }

    /** The process that left the sockets is gone: what they take is this process's from now on. */
    public void own() {
        isOwn = true;
    }

    /** What comes in between is lost, and nothing comes twice. */
    private static List<PacketSocket> open(
            final List<UdpSocket> receivers, final TunnelFilter filter, final int bufferLength) {
        boolean isOpen = false;
        try {
            receivers.forEach(receiver -> receiver.leave(filter));
            final List<PacketSocket> opened = PacketSocket.open(filter, receivers.size(), bufferLength);
            isOpen = true;
            return opened;
        } finally {
            if (!isOpen) {
                receivers.forEach(UdpSocket::receiveAll);
            }
        }
    }

    /** The packet socket of each worker. */
    public List<PacketSocket> ports() {
        return ports;
    }

    /** Packets that the sockets lost since the last call. Control thread. */
    public long takeLosses() {
        return ports.stream().mapToLong(PacketSocket::takeLosses).sum();
    }

    /** What they take at present. */
    public TunnelFilter filter() {
        return filter;
    }

    /**
     * Goes on with another device in the place of one that is gone. What comes by another than the one bound to comes by UDP anyway.
     *
     * @throws io.weft.linux.LinuxException if that is not possible: then all comes by UDP.
     */
    public void follow(final int linkIndex) {
        final TunnelFilter next = new TunnelFilter(linkIndex, filter.local(), filter.port());
        final List<PacketSocket> opened = open(receivers, next, bufferLength);
        int done = 0;
        try {
            for (; done < opened.size(); done++) {
                ports.get(done).become(opened.get(done));
            }
            filter = next;
        } finally {
            if (done < opened.size()) {
                CloseHelper.closeAll(opened);
                receivers.forEach(UdpSocket::receiveAll);
            }
        }
    }

    @Override
    public void close() {
        CloseHelper.closeAll(ports);
        if (isOwn) {
            receivers.forEach(UdpSocket::receiveAll);
        }
    }
}
