/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.MacAddress;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.dataplane.testing.SilentPort;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.Errno;
import io.weft.linux.Framing;
import io.weft.linux.PacketPort;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.RequiresRoot;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A data plane that gets many packets at once, again and again, and reads all of them. */
@RequiresRoot
class BoosterStartTest {
    private static final String BOOSTER = "weft-booster";

    @ParameterizedTest
    @EnumSource(names = {"SHARED", "SHARED_NETWORK", "DEDICATED"})
    void shouldHaveTheBoosterAwakeWhileManyPacketsComeAtOnce(final ThreadingMode mode) {
        with(
                context().threadingMode(mode).realTimePriority(1),
                () -> Await.until(
                        () -> "it looks now and then",
                        Await.TIMEOUT_MS,
                        () -> boosters().stream().anyMatch(thread -> Thread.State.TIMED_WAITING == thread.getState())));
        assertEquals(List.of(), boosters());
    }

    @Test
    void shouldHaveNoneWhereThreadsNeverComeFirst() {
        with(context(), () -> assertEquals(List.of(), boosters()));
    }

    @Test
    void shouldHaveNoneWhereThreadsNeverWait() {
        with(context().realTimePriority(1).busyPoll(true), () -> assertEquals(List.of(), boosters()));
    }

    private static DataPlaneContext context() {
        return new DataPlaneContext()
                .hostPorts(List.of(new BurstingHost()))
                .receivePorts(List.of(new SilentPort()))
                .sendPorts(List.of(List.of(new SilentPort())))
                .counters(NodeCounters.newManager())
                .errorHandler(failure -> {
                    throw new AssertionError(failure);
                });
    }

    private static void with(final DataPlaneContext context, final Runnable body) {
        try (RoutingTables routing =
                new RoutingTables(new RoutingContext().vni(1).vtepMac(new MacAddress(0x02_0000_000001L)))) {
            routing.publish();
            try (DataPlane dataPlane = new DataPlane(context.routing(routing).conclude())) {
                dataPlane.start();
                body.run();
            }
        }
    }

    private static List<Thread> boosters() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> BOOSTER.equals(thread.getName()))
                .toList();
    }

    /** Packets without an IP header, which nobody holds back either. */
    private static final class BurstingHost implements PacketPort {
        private static final int BURST = 32;
        private static final int LENGTH = VirtioNetHeaderFlyweight.LENGTH + Ipv4Flyweight.MIN_LENGTH;

        private final UnsafeBuffer memory = new UnsafeBuffer(0, 0);
        private int reads;

        @Override
        public Framing framing() {
            return Framing.ofPackets(VirtioNetHeaderFlyweight.LENGTH, true);
        }

        @Override
        public int fd() {
            return -1;
        }

        @Override
        public int read(final long address, final int capacity) {
            if (0 == ++reads % BURST) {
                return -Errno.EAGAIN;
            }
            memory.wrap(address, capacity);
            memory.setMemory(0, LENGTH, (byte) 0);
            return LENGTH;
        }

        @Override
        public int write(final long address, final int length) {
            return length;
        }

        @Override
        public int writev(final long iovecs, final int count) {
            return count;
        }
    }
}
