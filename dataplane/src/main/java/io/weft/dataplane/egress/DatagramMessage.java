/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static java.nio.ByteOrder.nativeOrder;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * One message of a {@link DatagramBatch}: one datagram, or several for one peer that the kernel cuts it into. All but the last
 * have one length. Reused.
 */
final class DatagramMessage {
    /** Longest UDP payload over IPv4, and so the longest message (net/ipv4/udp.c). */
    private static final int MAX_LENGTH = 0xFFFF - 20 - 8;

    /** Datagrams. */
    int segments;

    /** The most datagrams that it may have. */
    int maxSegments;

    /** Bytes of all datagrams together. */
    int length;

    /** Bytes of each datagram but the last, which may be shorter. */
    int segmentLength;

    /** Index of the first iovec of its datagrams. */
    int firstIovec;

    /** Which of the worker's sending sockets its flows belong to. */
    int socket;

    /** Where in the arena the peer's socket address is. */
    int nameOffset;

    int nameLength;
    int tunnelHeaderLength;

    /** The peer's row of the {@link io.weft.dataplane.counters.PeerTable}. */
    int peer;

    /** Outer type of service. */
    int tos;

    /** Whether some of its datagrams have been sent one by one, since the kernel would not cut it, and these are the rest. */
    boolean isRest;

    /** Begins anew with one datagram. */
    void begin(final EgressFrame frame, final int datagramLength, final int ofSocket, final int iovec) {
        socket = ofSocket;
        segments = 1;
        length = datagramLength;
        segmentLength = datagramLength;
        firstIovec = iovec;
        nameOffset = frame.ipOffset - EgressFrame.HEADROOM;
        nameLength = frame.sockaddrLength;
        tunnelHeaderLength = frame.tunnelHeaderLength;
        peer = frame.peer;
        tos = frame.outerTos;
        isRest = false;
    }

    /** Whether one more datagram may be appended; the last one must have had full length. */
    boolean takes(final UnsafeBuffer arena, final EgressFrame frame, final int datagramLength, final int ofSocket) {
        return datagramLength <= segmentLength
                && ofSocket == socket
                && length + datagramLength <= MAX_LENGTH
                && frame.outerTos == tos
                && frame.sockaddrLength == nameLength
                && isSamePeer(arena, nameOffset, frame.ipOffset - EgressFrame.HEADROOM, nameLength);
    }

    private static boolean isSamePeer(final UnsafeBuffer arena, final int a, final int b, final int length) {
        final int last = length - Long.BYTES;
        for (int i = 0; i < last; i += Long.BYTES) {
            if (arena.getLong(a + i, nativeOrder()) != arena.getLong(b + i, nativeOrder())) {
                return false;
            }
        }
        return arena.getLong(a + last, nativeOrder()) == arena.getLong(b + last, nativeOrder());
    }

    void append(final int datagramLength) {
        segments++;
        length += datagramLength;
    }

    /** Forgets all datagrams in front of an iovec; those from there on have so many bytes together. */
    void keepRest(final int iovec, final int rest) {
        firstIovec = iovec;
        length = rest;
        segments = (rest + segmentLength - 1) / segmentLength;
        isRest = true;
    }

    /** Bytes of the inner IP packets. */
    int innerLength() {
        return length - segments * tunnelHeaderLength;
    }
}
