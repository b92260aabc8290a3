/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.encap.GatherList;
import io.weft.encap.Ipv4Flyweight;
import io.weft.linux.DatagramPort;
import io.weft.linux.Errno;
import io.weft.linux.MessageVector;
import io.weft.linux.SocketAddress;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;

/** A port that takes as many messages as a test lets it, and remembers the last byte of each. */
final class RefusingPort implements DatagramPort {
    private final List<Integer> sendBufferLengths = new ArrayList<>();
    private final List<Integer> sent = new ArrayList<>();
    private final List<Integer> sentTos = new ArrayList<>();
    private final List<String> sentTo = new ArrayList<>();
    private int room;

    /** From now on so many messages are taken, and then none. */
    void take(final int messages) {
        room = messages;
    }

    /** The last byte of each message that was taken. */
    List<Integer> sent() {
        return sent;
    }

    /** The type of service of each packet that was taken, of those that have no tunnel header in front. */
    List<Integer> sentTos() {
        return sentTos;
    }

    /** The IPv4 address that each message was sent to. */
    List<String> sentTo() {
        return sentTo;
    }

    List<Integer> sendBufferLengths() {
        return sendBufferLengths;
    }

    @Override
    public int fd() {
        return 99;
    }

    @Override
    public int receive(final MessageVector messages, final int from, final int count) {
        return -Errno.EAGAIN;
    }

    @Override
    public int send(final MessageVector messages, final int from, final int count) {
        final int taken = Math.min(room, count);
        for (int i = from; i < from + taken; i++) {
            final int iovecs = messages.iovecCount(i);
            final UnsafeBuffer list = new UnsafeBuffer(messages.iovecs(i), iovecs * GatherList.ENTRY_LENGTH);
            final int last = (iovecs - 1) * GatherList.ENTRY_LENGTH;
            final int length = GatherList.length(list, last);
            sentTo.add(address(new UnsafeBuffer(messages.name(i), SocketAddress.IPV4_LENGTH)));
            final UnsafeBuffer packet = new UnsafeBuffer(GatherList.address(list, last), length);
            sent.add((int) packet.getByte(length - 1));
            sentTos.add(packet.getByte(Ipv4Flyweight.TOS_OFFSET) & 0xFF);
        }
        room -= taken;
        return taken > 0 ? taken : -Errno.EAGAIN;
    }

    private static String address(final UnsafeBuffer name) {
        final byte[] address = new byte[Integer.BYTES];
        name.getBytes(SocketAddress.IPV4_ADDRESS_OFFSET, address);
        try {
            return InetAddress.getByAddress(address).getHostAddress();
        } catch (final UnknownHostException ex) {
            throw new AssertionError("four bytes are an address", ex);
        }
    }

    @Override
    public void sendBufferLength(final int bytes) {
        sendBufferLengths.add(bytes);
    }
}
