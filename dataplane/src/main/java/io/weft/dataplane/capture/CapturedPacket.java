/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.capture;

import static java.nio.ByteOrder.nativeOrder;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A packet in the ring of a {@link Capture}, and what the data thread knew of it, in native order.
 *
 * <pre>
 *  0        8        12        16        20                     24       28        32
 * +--------+--------+---------+---------+----------------------+--------+---------+
 * | time   | length | kept    | packets | tunnel header length | worker | socket  |
 * +--------+--------+---------+---------+----------------------+--------+---------+
 * | peer's address, 2 longs   | family  | port                 | tos    | GSO size|
 * +---------------------------+---------+----------------------+--------+---------+
 * | 1 for ingress, reason or -1         | sequence, long                | step   | batch   |
 * +-------------------------------------+-------------------------------+--------+---------+
 * | tunnel header | IP packet ...
 * +-----------------------------
 * </pre>
 */
public final class CapturedPacket {
    private static final int TIME_OFFSET = 0;
    private static final int LENGTH_OFFSET = TIME_OFFSET + Long.BYTES;
    private static final int KEPT_OFFSET = LENGTH_OFFSET + Integer.BYTES;
    private static final int PACKETS_OFFSET = KEPT_OFFSET + Integer.BYTES;
    private static final int TUNNEL_LENGTH_OFFSET = PACKETS_OFFSET + Integer.BYTES;
    private static final int WORKER_OFFSET = TUNNEL_LENGTH_OFFSET + Integer.BYTES;
    private static final int SOCKET_OFFSET = WORKER_OFFSET + Integer.BYTES;
    private static final int PEER_OFFSET = SOCKET_OFFSET + Integer.BYTES;
    private static final int PEER_FAMILY_OFFSET = PEER_OFFSET + 2 * Long.BYTES;
    private static final int PEER_PORT_OFFSET = PEER_FAMILY_OFFSET + Integer.BYTES;
    private static final int TOS_OFFSET = PEER_PORT_OFFSET + Integer.BYTES;
    private static final int GSO_SIZE_OFFSET = TOS_OFFSET + Integer.BYTES;
    private static final int IS_INGRESS_OFFSET = GSO_SIZE_OFFSET + Integer.BYTES;
    private static final int REASON_OFFSET = IS_INGRESS_OFFSET + Integer.BYTES;

    private static final int SEQUENCE_OFFSET = REASON_OFFSET + Integer.BYTES;
    private static final int STEP_OFFSET = SEQUENCE_OFFSET + Long.BYTES;
    private static final int BATCH_OFFSET = STEP_OFFSET + Integer.BYTES;

    /** Where the bytes of the packet begin. */
    static final int DATA_OFFSET = BATCH_OFFSET + Integer.BYTES;

    private static final int NO_REASON = -1;
    private static final Step[] STEPS = Step.values();
    private static final @Nullable DropReason[] REASONS = new DropReason[DropReason.ID_LIMIT];

    static {
        for (final DropReason reason : DropReason.values()) {
            REASONS[reason.id()] = reason;
        }
    }

    private DirectBuffer buffer = new UnsafeBuffer(new byte[0]);
    private int offset;

    CapturedPacket() {}

    void wrap(final DirectBuffer record, final int index) {
        buffer = record;
        offset = index;
    }

    static void put(final MutableDirectBuffer buffer, final int index, final Tap tap, final int kept) {
        buffer.putLong(index + TIME_OFFSET, System.nanoTime(), nativeOrder());
        putInt(buffer, index + LENGTH_OFFSET, tap.length());
        putInt(buffer, index + KEPT_OFFSET, kept);
        putInt(buffer, index + PACKETS_OFFSET, tap.packets);
        putInt(buffer, index + TUNNEL_LENGTH_OFFSET, tap.tunnelHeaderLength);
        putInt(buffer, index + WORKER_OFFSET, tap.worker);
        putInt(buffer, index + SOCKET_OFFSET, tap.socket);
        buffer.putLong(index + PEER_OFFSET, tap.peerHigh, nativeOrder());
        buffer.putLong(index + PEER_OFFSET + Long.BYTES, tap.peerLow, nativeOrder());
        putInt(buffer, index + PEER_FAMILY_OFFSET, tap.peerFamily);
        putInt(buffer, index + PEER_PORT_OFFSET, tap.peerPort);
        putInt(buffer, index + TOS_OFFSET, tap.outerTos);
        putInt(buffer, index + GSO_SIZE_OFFSET, tap.gsoSize);
        putInt(buffer, index + IS_INGRESS_OFFSET, Direction.INGRESS == tap.direction ? 1 : 0);
        putInt(buffer, index + REASON_OFFSET, null == tap.reason ? NO_REASON : tap.reason.id());
        buffer.putLong(index + SEQUENCE_OFFSET, tap.sequence, nativeOrder());
        putInt(buffer, index + STEP_OFFSET, tap.step.id());
        putInt(buffer, index + BATCH_OFFSET, tap.batch);
    }

    private static void putInt(final MutableDirectBuffer buffer, final int index, final int value) {
        buffer.putInt(index, value, nativeOrder());
    }

    private int intAt(final int field) {
        return buffer.getInt(offset + field, nativeOrder());
    }

    /** When it was seen, by {@link System#nanoTime}. */
    public long timeNs() {
        return buffer.getLong(offset + TIME_OFFSET, nativeOrder());
    }

    /** Bytes of tunnel header and IP packet as they were, of which {@link #keptLength} were kept. */
    public int length() {
        return intAt(LENGTH_OFFSET);
    }

    /** Bytes that were kept: at {@link #dataOffset} of {@link #buffer}. */
    public int keptLength() {
        return intAt(KEPT_OFFSET);
    }

    /** Packets that the wire carries, or would have carried, for it: as many as were counted. */
    public int packets() {
        return intAt(PACKETS_OFFSET);
    }

    /** Bytes of tunnel header in front of the IP packet; 0 where there is none yet, or none any more. */
    public int tunnelHeaderLength() {
        return intAt(TUNNEL_LENGTH_OFFSET);
    }

    /** The worker that has it. */
    public int worker() {
        return intAt(WORKER_OFFSET);
    }

    /** Which of the worker's sending sockets its flow belongs to; egress only. */
    public int socket() {
        return intAt(SOCKET_OFFSET);
    }

    /** Underlay address that it goes to or came from; null where that is not known. */
    public @Nullable IpAddress peer() {
        final int family = intAt(PEER_FAMILY_OFFSET);
        if (0 == family) {
            return null;
        }
        return new IpAddress(
                IpFamily.IPV4.socketFamily() == family ? IpFamily.IPV4 : IpFamily.IPV6,
                buffer.getLong(offset + PEER_OFFSET, nativeOrder()),
                buffer.getLong(offset + PEER_OFFSET + Long.BYTES, nativeOrder()));
    }

    /** The peer's UDP port. */
    public int peerPort() {
        return intAt(PEER_PORT_OFFSET);
    }

    /** Type of service outside. */
    public int outerTos() {
        return intAt(TOS_OFFSET);
    }

    /** Payload bytes of each segment of a superframe; 0 if it is none. */
    public int gsoSize() {
        return intAt(GSO_SIZE_OFFSET);
    }

    /** Which way it was going. */
    public Direction direction() {
        return 0 == intAt(IS_INGRESS_OFFSET) ? Direction.EGRESS : Direction.INGRESS;
    }

    /** Why it was dropped; null if it was not. */
    public @Nullable DropReason reason() {
        final int id = intAt(REASON_OFFSET);
        return NO_REASON == id ? null : REASONS[id];
    }

    /** Which frame of its worker's ring it is in, or {@link Tap#NO_SEQUENCE}: by that the two halves of its way are known. */
    public long sequence() {
        return buffer.getLong(offset + SEQUENCE_OFFSET, nativeOrder());
    }

    /** How far it has come. */
    public Step step() {
        return STEPS[intAt(STEP_OFFSET)];
    }

    /** Which batch of its sending socket a packet is in that was handed to one: the low bits of its number. */
    public int batch() {
        return intAt(BATCH_OFFSET);
    }

    /** The memory that it lies in. */
    public DirectBuffer buffer() {
        return buffer;
    }

    /** Where its bytes begin, those of the tunnel header first. */
    public int dataOffset() {
        return offset + DATA_OFFSET;
    }
}
