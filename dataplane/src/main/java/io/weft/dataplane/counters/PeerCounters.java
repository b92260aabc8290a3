/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import static java.nio.ByteOrder.nativeOrder;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * What one worker sends to each peer and receives from it, in rows of the {@link PeerTable}. Those that are sent have a part of their
 * own, written by the egress sender alone, and so have those that are received, written by the ingress receiver alone: no atomic add,
 * and no cache line that two threads write.
 *
 * <pre>
 *  0         8        16
 * +---------+---------+
 * | packets | bytes   |   for each row: sent. Then, for each row: received
 * +---------+---------+
 * </pre>
 */
public final class PeerCounters {
    private static final int BYTES_OFFSET = Long.BYTES;
    private static final int ROW_LENGTH = BYTES_OFFSET + Long.BYTES;

    private final UnsafeBuffer buffer;
    private final int sent;
    private final int received;

    /**
     * @param buffer that the rows are in.
     * @param offset where they begin.
     * @param rows how many there are.
     */
    PeerCounters(final UnsafeBuffer buffer, final int offset, final int rows) {
        this.buffer = buffer;
        sent = offset;
        received = offset + rows * ROW_LENGTH;
    }

    /** What the counters of a worker take, in bytes. */
    static int length(final int rows) {
        return 2 * rows * ROW_LENGTH;
    }

    /** Counts packets that were sent to a peer. Egress sender alone. */
    void addSent(final int peer, final long packets, final long bytes) {
        add(sent + peer * ROW_LENGTH, packets, bytes);
    }

    /** Counts packets that came from a peer. Ingress receiver alone. */
    void addReceived(final int peer, final long packets, final long bytes) {
        add(received + peer * ROW_LENGTH, packets, bytes);
    }

    private void add(final int row, final long packets, final long bytes) {
        buffer.putLong(row, buffer.getLong(row, nativeOrder()) + packets, nativeOrder());
        buffer.putLong(row + BYTES_OFFSET, buffer.getLong(row + BYTES_OFFSET, nativeOrder()) + bytes, nativeOrder());
    }

    long sentPackets(final int peer) {
        return buffer.getLongVolatile(sent + peer * ROW_LENGTH);
    }

    long sentBytes(final int peer) {
        return buffer.getLongVolatile(sent + peer * ROW_LENGTH + BYTES_OFFSET);
    }

    long receivedPackets(final int peer) {
        return buffer.getLongVolatile(received + peer * ROW_LENGTH);
    }

    long receivedBytes(final int peer) {
        return buffer.getLongVolatile(received + peer * ROW_LENGTH + BYTES_OFFSET);
    }

    /** Begins a row anew, which no data thread has the number of. Control thread. */
    void clear(final int peer) {
        buffer.setMemory(sent + peer * ROW_LENGTH, ROW_LENGTH, (byte) 0);
        buffer.setMemory(received + peer * ROW_LENGTH, ROW_LENGTH, (byte) 0);
    }
}
