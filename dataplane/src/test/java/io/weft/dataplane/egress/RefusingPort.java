/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.encap.GatherList;
import io.weft.encap.Ipv4Flyweight;
import io.weft.linux.DatagramPort;
import io.weft.linux.Errno;
import io.weft.linux.MessageVector;
import io.weft.linux.SocketAddress;
import java.io.ByteArrayOutputStream;
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
    private final List<byte[]> gathered = new ArrayList<>();
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

    /** The IPv4 address that each message was sent to, of those that have it beside them. */
    List<String> sentTo() {
        return sentTo;
    }

    /** Each message that was taken, all of it. */
    List<byte[]> messages() {
        return gathered;
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
            final byte[] message = gather(messages, i);
            gathered.add(message);
            sent.add((int) message[message.length - 1]);
            sentTos.add(message[Ipv4Flyweight.TOS_OFFSET] & 0xFF);
            if (0 != messages.name(i)) {
                sentTo.add(address(new UnsafeBuffer(messages.name(i), SocketAddress.IPV4_LENGTH)));
            }
        }
        room -= taken;
        return taken > 0 ? taken : -Errno.EAGAIN;
    }

    private static byte[] gather(final MessageVector messages, final int index) {
        final int iovecs = messages.iovecCount(index);
        final UnsafeBuffer list = new UnsafeBuffer(messages.iovecs(index), iovecs * GatherList.ENTRY_LENGTH);
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 0; i < iovecs; i++) {
            final int entry = i * GatherList.ENTRY_LENGTH;
            final byte[] piece = new byte[GatherList.length(list, entry)];
            new UnsafeBuffer(GatherList.address(list, entry), piece.length).getBytes(0, piece);
            bytes.writeBytes(piece);
        }
        return bytes.toByteArray();
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
