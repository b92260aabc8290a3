/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.capture;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.nativeOrder;

import io.weft.address.IpFamily;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.encap.GatherList;
import io.weft.linux.SocketAddress;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.MutableDirectBuffer;
import org.agrona.UnsafeApi;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Where an agent shows its packets to the captures that are on, and what it drops at all times. Of a packet that goes on it asks
 * {@link #isOn} first, and only then tells what it knows: {@link #begin}, then {@link #peer} where that is known, at last {@link #show}.
 * Owned by one agent.
 */
public final class Tap {
    /** Of what is in no frame, or in several. */
    public static final long NO_SEQUENCE = -1;

    private final Captures captures;
    final int worker;
    Direction direction = Direction.EGRESS;

    @Nullable
    DropReason reason;

    Step step = Step.RECEIVED;
    long sequence;
    int batch;
    int packets;
    int gsoSize;
    int outerTos;
    int socket;
    long peerHigh;
    long peerLow;
    int peerFamily;
    int peerPort;
    int tunnelHeaderLength;

    private final UnsafeBuffer single =
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(GatherList.ENTRY_LENGTH, BitUtil.CACHE_LINE_LENGTH));
    private final UnsafeBuffer list = new UnsafeBuffer(0, 0);
    private final InnerHeaders headers = new InnerHeaders();
    private final LastOffenders offenders = new LastOffenders();
    private boolean isParsed;
    private int skipped;
    private int length;

    /** @param worker that the agent belongs to. */
    public Tap(final Captures captures, final int worker) {
        this.captures = captures;
        this.worker = worker;
    }

    /** What the agent dropped last. */
    public LastOffenders offenders() {
        return offenders;
    }

    /** Whether somebody looks. */
    public boolean isOn() {
        return null != captures.on();
    }

    /**
     * Begins to tell of a packet.
     *
     * @param whyDropped null if it was not.
     * @param count packets that the wire carries for it: as many as are counted.
     * @param frame sequence of the frame that it is in, or {@link #NO_SEQUENCE}.
     */
    public void begin(
            final Step reached,
            final long frame,
            final Direction way,
            final @Nullable DropReason whyDropped,
            final int count,
            final int segmentSize) {
        step = reached;
        sequence = frame;
        batch = 0;
        direction = way;
        reason = whyDropped;
        packets = count;
        gsoSize = segmentSize;
        outerTos = 0;
        socket = 0;
        peerFamily = 0;
        peerHigh = 0;
        peerLow = 0;
        peerPort = 0;
    }

    /** Tells who the peer is: the halves of an address as {@link io.weft.address.IpAddress} has them. */
    public void peer(final boolean isIpv4, final long high, final long low, final int port, final int tos) {
        peerFamily = isIpv4 ? IpFamily.IPV4.socketFamily() : IpFamily.IPV6.socketFamily();
        peerHigh = high;
        peerLow = low;
        peerPort = port;
        outerTos = tos;
    }

    /** Tells who the peer is, by the socket address that is sent to, and which of the sending sockets it is sent by. */
    public void peer(final UnsafeBuffer memory, final int name, final int tos, final int sendingSocket) {
        final boolean isIpv4 =
                IpFamily.IPV4.socketFamily() == memory.getShort(name + SocketAddress.FAMILY_OFFSET, nativeOrder());
        final int port = memory.getShort(name + SocketAddress.PORT_OFFSET, BIG_ENDIAN) & 0xFFFF;
        if (isIpv4) {
            final int address = memory.getInt(name + SocketAddress.IPV4_ADDRESS_OFFSET, BIG_ENDIAN);
            peer(true, (long) address << Integer.SIZE, 0, port, tos);
        } else {
            final int address = name + SocketAddress.IPV6_ADDRESS_OFFSET;
            final long low = memory.getLong(address + Long.BYTES, BIG_ENDIAN);
            peer(false, memory.getLong(address, BIG_ENDIAN), low, port, tos);
        }
        socket = sendingSocket;
    }

    /** Tells which batch of its socket it is in. */
    public void batch(final long number) {
        batch = (int) number;
    }

    /**
     * Shows a packet that lies in one piece.
     *
     * @param memory outside of the heap.
     * @param offset where the tunnel header begins, or the packet if there is none.
     * @param bytes of both.
     * @param ofTunnelHeader bytes in front of the packet.
     */
    public void show(final UnsafeBuffer memory, final int offset, final int bytes, final int ofTunnelHeader) {
        GatherList.put(single, 0, memory.addressOffset() + offset, bytes);
        show(single.addressOffset(), 1, 0, bytes, ofTunnelHeader);
    }

    /**
     * Shows a packet that lies in several pieces.
     *
     * @param gather address of its {@link GatherList}.
     * @param entries of the list.
     * @param skip bytes at its beginning that are not to be shown.
     * @param bytes to be shown after those: of tunnel header and packet.
     * @param ofTunnelHeader bytes in front of the packet.
     */
    public void show(final long gather, final int entries, final int skip, final int bytes, final int ofTunnelHeader) {
        final Capture @Nullable [] on = captures.on();
        final @Nullable DropReason dropped = reason;
        if (null == on && null == dropped) {
            return;
        }
        list.wrap(gather, entries * GatherList.ENTRY_LENGTH);
        skipped = skip;
        length = bytes;
        tunnelHeaderLength = ofTunnelHeader;
        isParsed = false;
        if (null != dropped) {
            offenders.put(dropped, peerVersion(), peerHigh, peerLow, headers());
        }
        if (null == on) {
            return;
        }
        for (final Capture capture : on) {
            capture.offer(this);
        }
    }

    private int peerVersion() {
        return 0 == peerFamily ? 0 : IpFamily.IPV4.socketFamily() == peerFamily ? 4 : 6;
    }

    int length() {
        return length;
    }

    /** Of the packet inside: they lie in one piece, whichever that is. */
    InnerHeaders headers() {
        if (!isParsed) {
            isParsed = true;
            int ahead = skipped + tunnelHeaderLength;
            int entry = 0;
            while (entry < list.capacity() && ahead >= GatherList.length(list, entry)) {
                ahead -= GatherList.length(list, entry);
                entry += GatherList.ENTRY_LENGTH;
            }
            if (entry < list.capacity()) {
                final int available = GatherList.length(list, entry) - ahead;
                headers.wrap(GatherList.address(list, entry) + ahead, Math.min(available, length - tunnelHeaderLength));
            } else {
                headers.wrap(single.addressOffset(), 0);
            }
        }
        return headers;
    }

    /** Writes what is known, and so many bytes. */
    void write(final MutableDirectBuffer ring, final int index, final int kept) {
        CapturedPacket.put(ring, index, this, kept);
        long to = ring.addressOffset() + index + CapturedPacket.DATA_OFFSET;
        int ahead = skipped;
        int left = kept;
        for (int entry = 0; left > 0 && entry < list.capacity(); entry += GatherList.ENTRY_LENGTH) {
            final int available = GatherList.length(list, entry) - ahead;
            if (available <= 0) {
                ahead = -available;
                continue;
            }
            final int copied = Math.min(left, available);
            UnsafeApi.copyMemory(GatherList.address(list, entry) + ahead, to, copied);
            to += copied;
            left -= copied;
            ahead = 0;
        }
    }
}
