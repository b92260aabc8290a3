/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.nativeOrder;

import io.weft.address.IpFamily;
import io.weft.dataplane.counters.DropReason;
import io.weft.encap.GatherList;
import io.weft.linux.ControlMessage;
import io.weft.linux.MessageVector;
import io.weft.linux.ReceivePort;
import io.weft.linux.SocketAddress;
import io.weft.linux.SocketConstants;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Receives datagrams through one socket, as many as can be with one system call, into the slots of an {@link IngressRing}, to
 * each of which a message of recvmmsg(2) is bound. Owned by the ingress receiver.
 */
public final class DatagramReceiver implements UnderlayReceiver {
    private static final int CONTROL_LENGTH = 64;

    /** {@code struct sockaddr_in6}, the longer one, aligned. */
    private static final int NAME_LENGTH = 32;

    private static final int SIN_ADDR_OFFSET = 4; // include/uapi/linux/in.h, struct sockaddr_in
    private static final int SIN6_ADDR_OFFSET = 8; // include/uapi/linux/in6.h, struct sockaddr_in6

    private final ReceivePort port;
    private final UnsafeBuffer controls;
    private final UnsafeBuffer names;
    private final UnsafeBuffer iovecs;
    private final MessageVector vector;

    /** Receives by a socket into the slots of a ring. */
    public DatagramReceiver(final ReceivePort port, final IngressRing ring) {
        this.port = port;
        final int slotCount = ring.slotCount();
        controls = allocate(slotCount * CONTROL_LENGTH);
        names = allocate(slotCount * NAME_LENGTH);
        iovecs = allocate(slotCount * GatherList.ENTRY_LENGTH);
        vector = new MessageVector(slotCount);
        for (int slot = 0; slot < slotCount; slot++) {
            final int iovec = slot * GatherList.ENTRY_LENGTH;
            final long address = ring.arena().addressOffset() + (long) slot * IngressRing.SLOT_LENGTH;
            GatherList.put(iovecs, iovec, address, IngressRing.SLOT_LENGTH);
            vector.iovecs(slot, iovecs.addressOffset() + iovec, 1);
            rearm(slot);
        }
    }

    /** What a receiver takes outside of the heap, in bytes. */
    static long memoryLength(final int slotCount) {
        return (long) slotCount
                * (CONTROL_LENGTH + NAME_LENGTH + GatherList.ENTRY_LENGTH + MessageVector.MESSAGE_LENGTH);
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, BitUtil.CACHE_LINE_LENGTH));
    }

    /** The kernel has written over what it was told of a slot's message: tells it again. */
    private void rearm(final int slot) {
        vector.control(slot, controls.addressOffset() + (long) slot * CONTROL_LENGTH, CONTROL_LENGTH);
        vector.name(slot, names.addressOffset() + (long) slot * NAME_LENGTH, NAME_LENGTH);
    }

    @Override
    public int fd() {
        return port.fd();
    }

    @Override
    public int secondFd() {
        return -1;
    }

    @Override
    public int receive(final int firstSlot, final int count) {
        return port.receive(vector, firstSlot, count);
    }

    @Override
    public void read(final int slot, final ReceivedMessage message) {
        message.offset = slot * IngressRing.SLOT_LENGTH;
        message.length = vector.length(slot);
        message.refusal = 0 == (vector.flags(slot) & SocketConstants.MSG_TRUNC) ? null : DropReason.DATAGRAM_TRUNCATED;
        readSource(slot * NAME_LENGTH, message);
        message.outerTos = 0;
        message.segmentLength = 0;
        message.isTold = false;
        message.isPart = false;
        int at = slot * CONTROL_LENGTH;
        final int limit = at + vector.controlLength(slot);
        while (at < limit) {
            final int level = ControlMessage.level(controls, at);
            final int type = ControlMessage.type(controls, at);
            if (ControlMessage.SOL_UDP == level && ControlMessage.UDP_GRO == type) {
                message.segmentLength = ControlMessage.intValue(controls, at);
            } else if (ControlMessage.SOL_IP == level && ControlMessage.IP_TOS == type) {
                message.outerTos = ControlMessage.byteValue(controls, at);
            } else if (ControlMessage.SOL_IPV6 == level && ControlMessage.IPV6_TCLASS == type) {
                message.outerTos = ControlMessage.intValue(controls, at);
            }
            at = ControlMessage.next(controls, at, limit);
        }
        rearm(slot);
    }

    private void readSource(final int name, final ReceivedMessage message) {
        message.isIpv4 = IpFamily.IPV4.socketFamily() == names.getShort(name, nativeOrder());
        message.sourcePort = names.getShort(name + SocketAddress.PORT_OFFSET, BIG_ENDIAN) & 0xFFFF;
        if (message.isIpv4) {
            message.sourceHigh = (long) names.getInt(name + SIN_ADDR_OFFSET, BIG_ENDIAN) << Integer.SIZE;
            message.sourceLow = 0;
        } else {
            message.sourceHigh = names.getLong(name + SIN6_ADDR_OFFSET, BIG_ENDIAN);
            message.sourceLow = names.getLong(name + SIN6_ADDR_OFFSET + Long.BYTES, BIG_ENDIAN);
        }
    }
}
