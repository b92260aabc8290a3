/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.jmh.dataplane;

import io.weft.dataplane.capture.Captures;
import io.weft.dataplane.capture.Step;
import io.weft.dataplane.capture.Tap;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.encap.Ipv4Flyweight;
import java.util.concurrent.TimeUnit;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.CountersManager;
import org.agrona.concurrent.status.CountersReader;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** What a drop costs by its addresses being kept for operators, beside that it is counted, the baseline; nobody captures. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class DropBenchmark {
    private static final int BATCH = 64;
    private static final int PACKET_LENGTH = 84;
    private static final int TUNNEL_HEADER_LENGTH = 22;
    private static final int SLOT_LENGTH = 128;
    private static final int COUNTERS = 256;
    private static final int TUNNEL_PORT = 8472;
    private static final long PEER = 0xC0A8_6402L << Integer.SIZE;

    private final UnsafeBuffer arena =
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(BATCH * SLOT_LENGTH, Long.BYTES));
    private final WorkerCounters counters = new WorkerCounters(
            new CountersManager(
                    buffer(COUNTERS * CountersReader.METADATA_LENGTH),
                    buffer(COUNTERS * CountersReader.COUNTER_LENGTH)),
            0);
    private final Tap tap = new Tap(new Captures(), 0);

    private static UnsafeBuffer buffer(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, Long.BYTES));
    }

    /** A batch of packets. */
    @Setup
    public void setUp() {
        for (int i = 0; i < BATCH; i++) {
            final int packet = i * SLOT_LENGTH + TUNNEL_HEADER_LENGTH;
            arena.putByte(packet, (byte) 0x45);
            Ipv4Flyweight.totalLength(arena, packet, PACKET_LENGTH);
        }
    }

    /** A batch of drops that are counted; the result is per packet. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public void baseline() {
        for (int i = 0; i < BATCH; i++) {
            counters.drop(DropReason.UNKNOWN_SENDER, 1);
        }
    }

    /** The same, and the addresses of each are kept: of who sent it, and those inside. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public void addressesAreKept() {
        for (int i = 0; i < BATCH; i++) {
            counters.drop(DropReason.UNKNOWN_SENDER, 1);
            tap.begin(Step.RECEIVED, Tap.NO_SEQUENCE, Direction.INGRESS, DropReason.UNKNOWN_SENDER, 1, 0);
            tap.peer(true, PEER, 0, TUNNEL_PORT, 0);
            tap.show(arena, i * SLOT_LENGTH, TUNNEL_HEADER_LENGTH + PACKET_LENGTH, TUNNEL_HEADER_LENGTH);
        }
    }
}
