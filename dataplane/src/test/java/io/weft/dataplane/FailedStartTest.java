/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.MacAddress;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.dataplane.testing.ScriptedHost;
import io.weft.dataplane.testing.SilentPort;
import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.CountersManager;
import org.agrona.concurrent.status.CountersReader;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A data plane that cannot be made, at whatever step, leaves nothing behind, however often it is tried. */
class FailedStartTest {
    /** With what frames lie in a worker would take 3 GB of addresses, if it were not given back. */
    private static final int ATTEMPTS = 100;

    /** Of all but that: less than a quarter. */
    private static final long GROWTH_MOST = (long) ATTEMPTS * DataPlaneContext.EGRESS_HELD_LENGTH_DEFAULT / 4;

    private final RoutingTables routing =
            new RoutingTables(new RoutingContext().vni(1).vtepMac(new MacAddress(0x02_0000_000001L)));

    @AfterEach
    void tearDown() {
        routing.close();
    }

    private DataPlaneContext context(final ThreadingMode mode, final CountersManager counters) {
        return new DataPlaneContext()
                .routing(routing)
                .counters(counters)
                .threadingMode(mode)
                .realTimePriority(1)
                .errorHandler(failure -> {
                    throw new AssertionError(failure);
                });
    }

    private static CountersManager counters(final int count) {
        return new CountersManager(
                buffer(count * CountersReader.METADATA_LENGTH), buffer(count * CountersReader.COUNTER_LENGTH));
    }

    private static UnsafeBuffer buffer(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, BitUtil.CACHE_LINE_LENGTH));
    }

    private static int counted(final CountersManager counters) {
        final int[] count = new int[1];
        counters.forEach((id, label) -> count[0]++);
        return count[0];
    }

    /** Those of doorbells: a JVM opens others when it likes. */
    private static long descriptors() throws IOException {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            return open.filter(FailedStartTest::isEventFd).count();
        }
    }

    private static boolean isEventFd(final Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString().contains("eventfd");
        } catch (final IOException closed) {
            return false;
        }
    }

    private static long addressBytes() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmSize:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
                .findFirst()
                .orElseThrow();
    }

    /** So many workers are made, and the next one's second socket refuses what a sender asks of it first. */
    private static void failBySocket(final DataPlaneContext context, final int made) {
        final BoundedPort refusing = new BoundedPort(0);
        final List<List<BoundedPort>> ports = new ArrayList<>();
        for (int i = 0; i < made; i++) {
            ports.add(List.of(new BoundedPort(1), new BoundedPort(1)));
        }
        ports.add(List.of(new BoundedPort(1), refusing));
        conclude(context, ports);
        assertSame(refusing.failure, assertThrows(LinuxException.class, () -> new DataPlane(context)));
        assertEquals(0, refusing.failure.getSuppressed().length);
    }

    private static void conclude(final DataPlaneContext context, final List<List<BoundedPort>> sendPorts) {
        context.hostPorts(sendPorts.stream().map(ports -> new ScriptedHost()).toList())
                .receivePorts(
                        sendPorts.stream().map(ports -> new BoundedPort(1)).toList())
                .sendPorts(sendPorts)
                .conclude();
    }

    @ParameterizedTest
    @EnumSource(ThreadingMode.class)
    void shouldLeaveNoDescriptorsWhenASocketRefuses(final ThreadingMode mode) throws IOException {
        final long descriptors = descriptors();
        for (int made = 0; made < 2; made++) {
            failBySocket(context(mode, NodeCounters.newManager()), made);
            assertEquals(descriptors, descriptors(), made + " workers were made");
        }
    }

    /** By a first worker, which fails before it has its other memory: that is the JVM's to give back, when it likes. */
    @Test
    void shouldLeaveNoMemoryWhenASocketRefuses() throws IOException {
        final long bytes = addressBytes();
        for (int i = 0; i < ATTEMPTS; i++) {
            failBySocket(context(ThreadingMode.SHARED, NodeCounters.newManager()), 0);
        }
        final long grown = addressBytes() - bytes;
        assertTrue(grown < GROWTH_MOST, () -> grown + " bytes more");
    }

    /** Threads are made last of all. */
    @Test
    void shouldLeaveNothingWhicheverCounterHasNoRoom() throws IOException {
        final CountersManager ample = NodeCounters.newManager();
        complete(context(ThreadingMode.DEDICATED, ample));
        final int wanted = counted(ample);
        final long descriptors = descriptors();
        for (int room = 1; room < wanted; room++) {
            final DataPlaneContext context = context(ThreadingMode.DEDICATED, counters(room));
            assertThrows(IllegalStateException.class, () -> complete(context), room + " of " + wanted);
            assertEquals(descriptors, descriptors(), room + " of " + wanted);
        }
    }

    private static void complete(final DataPlaneContext context) {
        conclude(context, List.of(List.of(new BoundedPort(1)), List.of(new BoundedPort(1))));
        new DataPlane(context).close();
    }

    /** A socket that has its send buffer set so often, and then refuses. */
    private static final class BoundedPort extends SilentPort {
        final LinuxException failure = new LinuxException("set a buffer's length", Errno.ENOBUFS);
        private int left;

        BoundedPort(final int left) {
            this.left = left;
        }

        @Override
        public void sendBufferLength(final int bytes) {
            if (0 == left) {
                throw failure;
            }
            left--;
        }
    }
}
