/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.jmh.dataplane;

import io.weft.dataplane.capture.Captures;
import io.weft.dataplane.capture.Tap;
import io.weft.encap.IpPacket;
import io.weft.encap.Ipv4Flyweight;
import java.util.concurrent.TimeUnit;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.infra.Blackhole;

/** What it costs each packet that it could be captured while it is not, beside what its IP header costs to read, the baseline. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class CaptureOffBenchmark {
    private static final int BATCH = 64;
    private static final int PACKET_LENGTH = 84;
    private static final int SLOT_LENGTH = 128;

    private final UnsafeBuffer arena =
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(BATCH * SLOT_LENGTH, Long.BYTES));
    private final IpPacket packet = new IpPacket();
    private final Captures captures = new Captures();
    private final Tap receiver = new Tap(captures, 0);
    private final Tap sender = new Tap(captures, 0);

    /** A batch of packets. */
    @Setup
    public void setUp() {
        for (int i = 0; i < BATCH; i++) {
            arena.putByte(i * SLOT_LENGTH, (byte) 0x45);
            Ipv4Flyweight.totalLength(arena, i * SLOT_LENGTH, PACKET_LENGTH);
        }
    }

    private boolean parse(final int slot) {
        return IpPacket.Fault.NONE == packet.parse(arena, slot * SLOT_LENGTH, PACKET_LENGTH, false);
    }

    /** One batch that nobody could look at; the result is per packet. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public void baseline(final Blackhole hole) {
        for (int i = 0; i < BATCH; i++) {
            hole.consume(parse(i));
        }
    }

    /** The same, and both agents of a packet's way ask whether somebody looks. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public void receiverAndSenderAsk(final Blackhole hole) {
        for (int i = 0; i < BATCH; i++) {
            hole.consume(parse(i));
            if (receiver.isOn()) {
                receiver.show(arena, i * SLOT_LENGTH, PACKET_LENGTH, 0);
            }
            if (sender.isOn()) {
                sender.show(arena, i * SLOT_LENGTH, PACKET_LENGTH, 0);
            }
        }
    }
}
