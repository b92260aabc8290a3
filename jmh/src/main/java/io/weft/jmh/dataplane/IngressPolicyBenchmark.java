/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.jmh.dataplane;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.dataplane.ingress.Claim;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.encap.IpPacket;
import io.weft.encap.Ipv4Flyweight;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** What is asked of each packet that comes from the underlay, beside what its IP header costs to read, which is the baseline. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls the set-up before anything else
public class IngressPolicyBenchmark {
    private static final int BATCH = 64;
    private static final int PACKET_LENGTH = 84;
    private static final int SLOT_LENGTH = 128;
    private static final int FIRST_NETWORK = 10 << 24;
    private static final int FIRST_NODE = (172 << 24) + (16 << 16) + 1;
    private static final int OWN_POD = (10 << 24) + (255 << 16) + 2;

    /** Other nodes, a /24 and an address each. */
    @Param({"10", "10000"})
    private int nodes;

    private final UnsafeBuffer arena =
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(BATCH * SLOT_LENGTH, Long.BYTES));
    private final long[] senders = new long[BATCH];
    private final IpPacket packet = new IpPacket();
    private IngressPolicy policy;

    /** A policy, and a batch of packets of random nodes. */
    @Setup
    public void setUp() {
        final IngressPolicy.Builder builder = new IngressPolicy.Builder(IngressPolicy.Sources.KNOWN);
        for (int node = 0; node < nodes; node++) {
            final IpAddress base = IpAddress.ofIpv4(FIRST_NETWORK + (node << 8));
            builder.node(List.of(IpAddress.ofIpv4(FIRST_NODE + node)), List.of(new IpPrefix(base, 24)));
        }
        policy = builder.ownSubnet(IpPrefix.containing(IpAddress.ofIpv4(OWN_POD), 24))
                .ownAddress(IpPrefix.parse("172.31.0.1/32"))
                .build();
        final Random random = new Random(1);
        for (int i = 0; i < BATCH; i++) {
            final int node = random.nextInt(nodes);
            senders[i] = (long) (FIRST_NODE + node) << Integer.SIZE;
            final int ip = i * SLOT_LENGTH;
            arena.putByte(ip, (byte) 0x45);
            Ipv4Flyweight.totalLength(arena, ip, PACKET_LENGTH);
            arena.putInt(ip + Ipv4Flyweight.SOURCE_OFFSET, FIRST_NETWORK + (node << 8) + 2, ByteOrder.BIG_ENDIAN);
            arena.putInt(ip + Ipv4Flyweight.DESTINATION_OFFSET, OWN_POD, ByteOrder.BIG_ENDIAN);
        }
    }

    /** One batch without a question; the result is per packet. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public int baseline() {
        int passed = 0;
        for (int i = 0; i < BATCH; i++) {
            passed += IpPacket.Fault.NONE == packet.parse(arena, i * SLOT_LENGTH, PACKET_LENGTH, false) ? 1 : 0;
        }
        return passed;
    }

    /** Each packet by another sender than the one before. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public int senderAndPacket() {
        int passed = 0;
        for (int i = 0; i < BATCH; i++) {
            if (IpPacket.Fault.NONE == packet.parse(arena, i * SLOT_LENGTH, PACKET_LENGTH, false)) {
                final Claim sender = policy.sender(true, senders[i], 0);
                passed += null == policy.refusal(sender, arena, packet) ? 1 : 0;
            }
        }
        return passed;
    }
}
