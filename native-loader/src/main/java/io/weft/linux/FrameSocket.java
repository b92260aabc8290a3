/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.LinkSocket.ETH_P_ALL;
import static io.weft.linux.LinkSocket.ETH_P_IP;
import static io.weft.linux.LinkSocket.ETH_P_IPV6;
import static io.weft.linux.LinkSocket.PACKET_OUTGOING;
import static io.weft.linux.LinkSocket.SOL_PACKET;
import static io.weft.linux.LinkSocket.VNET_HEADER_LENGTH;
import static io.weft.linux.SocketConstants.MSG_DONTWAIT;
import static io.weft.linux.SocketConstants.SOCK_RAW;
import static io.weft.linux.SocketConstants.SO_RCVBUF;
import static io.weft.linux.SocketConstants.SO_RCVBUFFORCE;
import static io.weft.linux.SocketConstants.SO_SNDBUF;
import static io.weft.linux.SocketConstants.SO_SNDBUFFORCE;
import static java.nio.ByteOrder.nativeOrder;

import io.weft.linux.SocketFilter.Label;
import java.util.ArrayList;
import java.util.List;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.CloseHelper;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A packet socket at one end of a veth pair, in the place of a TUN queue: each read gives one Ethernet frame that the host sent
 * to the other end, a superframe of up to 64 KB too, behind a {@code struct virtio_net_hdr}; each write takes the same, and comes
 * out of the other end. IP alone passes the socket's filter, and no frame that is sent here.
 *
 * <p>Several sockets of one device share its frames by flow, so that a flow keeps its order ({@code PACKET_FANOUT_HASH}).
 *
 * <p>Owned by one thread, but for its writes, those of batches by one, and {@link #takeLosses}, which any may call.
 * Sources: include/uapi/linux/if_packet.h, net/packet/af_packet.c, include/linux/virtio_net.h.
 */
public final class FrameSocket implements PacketPort, FrameBatchSource, FrameBatchSink, AutoCloseable {
    private static final int PACKET_IGNORE_OUTGOING = 23;

    private final int fd;
    private final MessageVector arrivals = new MessageVector(FrameBatchSource.MAX_BATCH);
    private final UnsafeBuffer pieces = new UnsafeBuffer(BufferUtil.allocateDirectAligned(
            FrameBatchSource.MAX_BATCH * MessageVector.IOVEC_LENGTH, BitUtil.CACHE_LINE_LENGTH));
    private Framing framing;
    private int readCount;
    private int readFailure;
    private int writeResult;
    private boolean closed;

    private FrameSocket(final int fd, final Framing framing) {
        this.fd = fd;
        this.framing = framing;
    }

    /**
     * Opens sockets in the calling thread's network namespace.
     *
     * @param linkIndex of the end of the pair that frames come out of; it has to be up.
     * @param hostMac of the other end, which is the host's, in the low 48 bits.
     * @param ownMac of this end.
     * @param count 1 or more.
     * @param bufferLength bytes that each socket may buffer each way.
     * @throws LinuxException if the kernel refuses: CAP_NET_RAW is needed.
     */
    public static List<FrameSocket> open(
            final int linkIndex, final long hostMac, final long ownMac, final int count, final int bufferLength) {
        final List<FrameSocket> sockets = new ArrayList<>(count);
        try {
            final Framing framing = Framing.ofEthernet(VNET_HEADER_LENGTH, hostMac, ownMac, true);
            for (int i = 0; i < count; i++) {
                final FrameSocket socket = new FrameSocket(LinkSocket.open(SOCK_RAW), framing);
                sockets.add(socket);
                socket.prepare(bufferLength);
                LinkSocket.bind(socket.fd, ETH_P_ALL, linkIndex);
            }
            if (count > 1) {
                shareByFlow(sockets);
            }
            final boolean takesUdp =
                    UdpSuperframeProbe.takes(sockets.get(0).fd, VNET_HEADER_LENGTH, Framing.ETHERNET_LENGTH);
            for (final FrameSocket socket : sockets) {
                socket.framing = Framing.ofEthernet(VNET_HEADER_LENGTH, hostMac, ownMac, takesUdp);
                socket.filter();
            }
            return sockets;
        } catch (final LinuxException ex) {
            CloseHelper.closeAll(sockets);
            throw ex;
        }
    }

    /**
     * Makes use of sockets that another process opened and prepared.
     *
     * @param fds their descriptors, which belong to the new objects.
     * @param hostMac of the other end, which is the host's, in the low 48 bits.
     * @param ownMac of this end.
     */
    public static List<FrameSocket> adopt(final List<Integer> fds, final long hostMac, final long ownMac) {
        final Framing framing = Framing.ofEthernet(VNET_HEADER_LENGTH, hostMac, ownMac, true);
        final boolean takesUdp =
                UdpSuperframeProbe.takes(fds.get(0), framing.vnetHeaderLength(), framing.linkHeaderLength());
        return fds.stream()
                .map(fd -> new FrameSocket(fd, Framing.ofEthernet(VNET_HEADER_LENGTH, hostMac, ownMac, takesUdp)))
                .toList();
    }

    /**
     * Checks that there can be packet sockets.
     *
     * @throws LinuxException with the remedy if there cannot.
     */
    public static void require() {
        Libc.LIBC.close(LinkSocket.open(SOCK_RAW));
    }

    /** Nothing gets in before all sockets share the frames: until then each would have all. */
    private void prepare(final int bufferLength) {
        LinkSocket.filter(fd, new SocketFilter().refuse());
        LinkSocket.tellOffloads(fd);
        // Before Linux 4.20 the filter alone sees to it, at some cost.
        LinkSocket.option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
        LinkSocket.bufferLength(fd, SO_RCVBUFFORCE, SO_RCVBUF, bufferLength);
        LinkSocket.bufferLength(fd, SO_SNDBUFFORCE, SO_SNDBUF, bufferLength);
    }

    private static void shareByFlow(final List<FrameSocket> sockets) {
        final int group = LinkSocket.newGroup(sockets.get(0).fd, 0);
        for (final FrameSocket socket : sockets.subList(1, sockets.size())) {
            LinkSocket.joinGroup(socket.fd, 0, group);
        }
    }

    /** IPv4 and IPv6, and not what is sent here. What a tag stands in front of is of another type. */
    private void filter() {
        final Label refuse = new Label();
        final Label accept = new Label();
        final SocketFilter filter = new SocketFilter()
                .loadByte(SocketFilter.ANCILLARY_PACKET_TYPE)
                .jumpIfEqual(PACKET_OUTGOING, refuse, null)
                .loadHalf(SocketFilter.ANCILLARY_PROTOCOL)
                .jumpIfEqual(ETH_P_IP, accept, null)
                .jumpIfEqual(ETH_P_IPV6, accept, refuse)
                .place(refuse)
                .refuse()
                .place(accept)
                .accept(SocketFilter.WHOLE);
        LinkSocket.filter(fd, filter);
    }

    /** Ethernet frames; superframes of UDP from Linux 6.2 on. */
    @Override
    public Framing framing() {
        return framing;
    }

    @Override
    public int fd() {
        return fd;
    }

    @Override
    public int read(final long address, final int capacity) {
        final long length = Libc.LIBC.read(fd, address, capacity);
        return length < 0 ? -Errno.last() : (int) length;
    }

    @Override
    public int write(final long address, final int length) {
        final long written = Libc.LIBC.write(fd, address, length);
        return written < 0 ? -Errno.last() : (int) written;
    }

    @Override
    public int writev(final long iovecs, final int count) {
        final long written = Libc.LIBC.writev(fd, iovecs, count);
        return written < 0 ? -Errno.last() : (int) written;
    }

    @Override
    public boolean givesBatches() {
        return true;
    }

    @Override
    public void place(final int index, final long address, final int capacity) {
        final int piece = index * MessageVector.IOVEC_LENGTH;
        pieces.putLong(piece, address, nativeOrder());
        pieces.putLong(piece + Long.BYTES, capacity, nativeOrder());
        arrivals.iovecs(index, pieces.addressOffset() + piece, 1);
    }

    @Override
    public void read(final int count) {
        final int read = Libc.LIBC.recvmmsg(fd, arrivals.address(0), count, MSG_DONTWAIT, 0);
        readFailure = read < 0 ? -Errno.last() : -Errno.EAGAIN;
        readCount = Math.max(0, read);
    }

    /** A failure after the first frame is told by the next call (net/socket.c, {@code do_recvmmsg}). */
    @Override
    public int readResult(final int index) {
        return index < readCount ? arrivals.length(index) : readFailure;
    }

    @Override
    public boolean takesBatches() {
        return true;
    }

    /** The kernel stops at a frame that it refuses, and tells so when that is the first. */
    @Override
    public int write(final MessageVector frames, final int from, final int count) {
        int written;
        do {
            written = Libc.LIBC.sendmmsg(fd, frames.address(from), count, MSG_DONTWAIT);
        } while (written < 0 && Errno.EINTR == Errno.last());
        writeResult = written < 0 ? -Errno.last() : 0;
        return Math.max(1, written);
    }

    @Override
    public int writeResult(final int index) {
        return writeResult;
    }

    /** Frames that were lost since the last call, for they were not read in time. */
    public synchronized int takeLosses() {
        return closed ? 0 : LinkSocket.takeLosses(fd);
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            Libc.LIBC.close(fd);
        }
    }
}
