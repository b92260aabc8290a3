/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.underlay;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.UdpSocket;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.agrona.CloseHelper;

/**
 * The sockets of a node on the underlay: for each worker one that receives on the tunnel's port. VXLAN is sent through
 * several more, so that the outer source port tells inner flows apart for the NICs and switches on the way, as the
 * kernel's does (include/net/udp.h, {@code udp_flow_src_port}); flannel's udp wire format is sent through the one that
 * receives, since its peers may let only that port pass (pkg/backend/udp).
 */
public final class UnderlaySockets implements AutoCloseable {
    /** As wireguard-go and others found enough for a 64 KB superframe burst from several peers. */
    public static final int BUFFER_LENGTH_DEFAULT = 8 << 20;

    /** How many source ports a worker's flows are spread over: more than most NICs have receive queues. */
    public static final int SEND_SOCKETS_DEFAULT = 16;

    private final List<UdpSocket> receivers = new ArrayList<>();
    private final List<List<UdpSocket>> senders = new ArrayList<>();
    private final List<UdpSocket> all = new ArrayList<>();
    private final int[] dropsBefore;
    private boolean segmentationOffload = true;
    private boolean receiveOffload = true;

    private UnderlaySockets(final int workers) {
        dropsBefore = new int[workers];
    }

    /** The same, without any that another process left. */
    public static UnderlaySockets open(
            final InetAddress local, final int port, final int workers, final int sendSockets, final int bufferLength) {
        return open(local, port, workers, sendSockets, bufferLength, List.of());
    }

    /**
     * Opens sockets for a tunnel whose peers look at the destination port alone: for each worker one that receives, and
     * several that only send, so that the outer source port tells inner flows apart.
     *
     * @param local address that datagrams are sent from; they are received on any.
     * @param port that datagrams are received on.
     * @param workers 1 or more.
     * @param sendSockets for each worker; a power of two.
     * @param bufferLength bytes received that each socket may buffer; what is sent is the senders' to bound.
     * @param left receiving sockets that another process left, one for each worker, or none: descriptors that belong to this from
     *     now on.
     * @throws io.weft.linux.LinuxException if the port is owned by another, or the address is not of this host.
     */
    public static UnderlaySockets open(
            final InetAddress local,
            final int port,
            final int workers,
            final int sendSockets,
            final int bufferLength,
            final List<Integer> left) {
        return open(local, workers, left, sockets -> {
            if (left.isEmpty()) {
                final UdpSocket receiver = sockets.create(local);
                sockets.prepareToReceive(receiver, bufferLength, workers > 1);
                receiver.bind(IpFamily.IPV6 == receiver.family() ? anyIpv6() : anyIpv4(), port);
                sockets.receivers.add(receiver);
            }
            final List<UdpSocket> ofWorker = new ArrayList<>();
            for (int i = 0; i < sendSockets; i++) {
                final UdpSocket sender = sockets.create(local);
                sockets.prepareToSend(sender);
                sender.receiveNothing(); // nobody would read it, and the host's memory for UDP is one for all
                bindAnywhere(sender, local, sendSockets);
                ofWorker.add(sender);
            }
            sockets.senders.add(ofWorker);
        });
    }

    private static void bindAnywhere(final UdpSocket sender, final InetAddress local, final int sendSockets) {
        try {
            sender.bind(local, 0);
        } catch (final LinuxException failure) {
            if (Errno.EADDRINUSE != failure.errno()) {
                throw failure;
            }
            throw new LinuxException(
                    "bind a socket for sending on " + IpAddress.of(local),
                    Errno.EADDRINUSE,
                    "No port is free of net.ipv4.ip_local_port_range, of which each worker takes " + sendSockets
                            + ": make it longer");
        }
    }

    /** The same, without any that another process left. */
    public static UnderlaySockets openOnePort(
            final InetAddress local, final int port, final int workers, final int bufferLength) {
        return openOnePort(local, port, workers, bufferLength, List.of());
    }

    /**
     * Opens sockets for a tunnel whose peers expect one port at both ends: for each worker one that receives and sends.
     *
     * @param local address that datagrams are sent from and received on.
     * @param port the same for both.
     * @param workers 1 or more.
     * @param bufferLength bytes received that each socket may buffer; what is sent is the senders' to bound.
     * @param left sockets that another process left, one for each worker, or none: descriptors that belong to this from now on.
     * @throws io.weft.linux.LinuxException if the port is owned by another, or the address is not of this host.
     */
    public static UnderlaySockets openOnePort(
            final InetAddress local,
            final int port,
            final int workers,
            final int bufferLength,
            final List<Integer> left) {
        return open(local, workers, left, sockets -> {
            if (left.isEmpty()) {
                final UdpSocket socket = sockets.create(local);
                sockets.prepareToReceive(socket, bufferLength, workers > 1);
                socket.bind(local, port);
                sockets.receivers.add(socket);
            }
            final UdpSocket socket = sockets.receivers.get(sockets.senders.size());
            sockets.prepareToSend(socket);
            sockets.senders.add(List.of(socket));
        });
    }

    /** Opens the sockets of each worker in the calling thread's network namespace. */
    private static UnderlaySockets open(
            final InetAddress local,
            final int workers,
            final List<Integer> left,
            final Consumer<UnderlaySockets> ofWorker) {
        final UnderlaySockets sockets = new UnderlaySockets(workers);
        try {
            // All before one is asked for anything: they are to be closed whatever becomes of the first.
            left.forEach(fd -> sockets.all.add(UdpSocket.adopt(fd, IpFamily.of(local))));
            sockets.all.forEach(sockets::adopt);
            for (int worker = 0; worker < workers; worker++) {
                ofWorker.accept(sockets);
            }
            return sockets;
        } catch (final RuntimeException | Error ex) {
            try {
                sockets.close();
            } catch (final RuntimeException | Error further) {
                ex.addSuppressed(further);
            }
            throw ex;
        }
    }

    private UdpSocket create(final InetAddress local) {
        final UdpSocket socket = UdpSocket.open(IpFamily.of(local));
        all.add(socket);
        return socket;
    }

    /** What can be set before a socket is bound alone was set by who bound it. */
    private void adopt(final UdpSocket receiver) {
        receivers.add(receiver);
        receiver.receiveTrafficClass();
        receiveOffload &= receiver.receiveOffload();
    }

    private void prepareToReceive(final UdpSocket socket, final int bufferLength, final boolean shared) {
        socket.receiveBufferLength(bufferLength);
        if (IpFamily.IPV6 == socket.family()) {
            socket.ipv6Only();
        }
        if (shared) {
            socket.reusePort();
        }
        socket.receiveTrafficClass();
        receiveOffload &= socket.receiveOffload();
    }

    private void prepareToSend(final UdpSocket socket) {
        socket.doNotFragmentOff();
        socket.flowLabelOff();
        segmentationOffload &= socket.segmentationOffload();
    }

    private static InetAddress anyIpv4() {
        return address(new byte[4]);
    }

    private static InetAddress anyIpv6() {
        return address(new byte[16]);
    }

    private static InetAddress address(final byte[] bytes) {
        try {
            return InetAddress.getByAddress(bytes);
        } catch (final UnknownHostException ex) {
            throw new IllegalStateException("an address of " + bytes.length + " bytes is one", ex);
        }
    }

    /** The receiving socket of each worker. */
    public List<UdpSocket> receivePorts() {
        return List.copyOf(receivers);
    }

    /** Datagrams that the kernel dropped at the receiving sockets since the last call. One thread. */
    public long takeLosses() {
        long losses = 0;
        for (int i = 0; i < receivers.size(); i++) {
            final int drops = receivers.get(i).drops();
            losses += Integer.toUnsignedLong(drops - dropsBefore[i]);
            dropsBefore[i] = drops;
        }
        return losses;
    }

    /** The sending sockets of each worker. */
    public List<List<UdpSocket>> sendPorts() {
        return List.copyOf(senders);
    }

    /** For each worker the ports of its sending sockets, in their order. */
    public List<int[]> sourcePorts() {
        return senders.stream()
                .map(ports -> ports.stream().mapToInt(UdpSocket::localPort).toArray())
                .toList();
    }

    /** Whether the kernel cuts messages into datagrams for us. */
    public boolean segmentationOffload() {
        return segmentationOffload;
    }

    /** Whether the kernel joins datagrams for us. */
    public boolean receiveOffload() {
        return receiveOffload;
    }

    @Override
    public void close() {
        CloseHelper.closeAll(all);
    }
}
