/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.SchedulingPolicy;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Packets of a flow arrive in the order they were sent in, whatever the number of workers and however its answers come: flows of UDP
 * from a pod on weft to one on a kernel node, which answers each now and then.
 */
@RequiresRoot
class FlowOrderTest {
    private static final int FLOWS = 4;
    private static final int PACKETS_OF_FLOW = 20_000;
    private static final int MORE_PACKETS_OF_FLOW = 60_000;
    private static final int PACKETS_BETWEEN_ANSWERS = 1_000;
    private static final int LENGTH = 200;

    /** Field of a processor's line (net/core/net-procfs.c, {@code softnet_seq_show}). */
    private static final int SOFTNET_TIME_SQUEEZE = 2;

    private static final int HEXADECIMAL = 16;
    private static final String LATE = "packets that came after a later one of their flow; ";
    private static final int BUFFER_LENGTH = 4 << 20;

    /** What a container has that may configure the network, and no more. */
    private static final List<String> TWO_CAPABILITIES =
            List.of("setpriv", "--bounding-set=-all,+net_admin,+net_raw", "--inh-caps=-all");

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private final AtomicLong late = new AtomicLong();

    @BeforeEach
    void setUp() throws IOException {
        topology.kernelVxlan(peer);
        WeftdProcess.leases(directory, WeftdProcess.lease(node), WeftdProcess.lease(peer));
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    @ParameterizedTest
    @CsvSource({"1, TUN, true", "2, TUN, true", "4, TUN, true", "4, TUN, false", "16, TUN, true", "4, PACKET, true"})
    void shouldKeepTheOrderOfEachFlow(final int workers, final String podPort, final boolean hasTwoCapabilities)
            throws Exception {
        try (BackgroundProcess weftd = start(workers, podPort, hasTwoCapabilities)) {
            send(PACKETS_OF_FLOW);
            assertEquals(0, late.get(), () -> LATE + weftd.output());
        }
    }

    /** What the kernel had no time for before the data thread was sent to another processor must not come after what it sends from there. */
    @ParameterizedTest
    @ValueSource(ints = {1, 16})
    void shouldKeepTheOrderWhereProcessorsAreTakenFromDataThreads(final int workers) throws Exception {
        assumeTrue(isKernelOf(6, 4), "before Linux 6.4 packets are left at each step of their way");
        try (BackgroundProcess weftd = start(workers, "TUN", false);
                Preemption preemption = new Preemption()) {
            final long squeezedBefore = squeezed();
            send(MORE_PACKETS_OF_FLOW);
            preemption.assertOfRealTime();
            assumeTrue(0 == late.get() || squeezedBefore == squeezed(), "the kernel's time for packets was used up");
            assertEquals(0, late.get(), () -> LATE + weftd.output());
        }
    }

    /** How often the kernel left packets since it had dealt with others for too long, as where a host takes a processor away: on all of them. */
    private static long squeezed() throws IOException {
        return Files.readAllLines(Path.of("/proc/net/softnet_stat")).stream()
                .mapToLong(line -> Long.parseLong(line.split(" ", -1)[SOFTNET_TIME_SQUEEZE], HEXADECIMAL))
                .sum();
    }

    private static boolean isKernelOf(final int major, final int minor) {
        final String[] version = System.getProperty("os.version").split("[^0-9]+", 3);
        final int running = Integer.parseInt(version[0]);
        return running > major || (running == major && Integer.parseInt(version[1]) >= minor);
    }

    private BackgroundProcess start(final int workers, final String podPort, final boolean hasTwoCapabilities)
            throws Exception {
        final List<String> command = new ArrayList<>(hasTwoCapabilities ? TWO_CAPABILITIES : List.of());
        command.addAll(List.of(WeftdProcess.command(
                directory,
                "--registry=file:" + directory.resolve("leases.json"),
                "--iface=" + node.underlayDevice(),
                "--pod-port=" + podPort,
                "--workers=" + workers)));
        final BackgroundProcess weftd = node.namespace().start(command.toArray(String[]::new));
        try {
            weftd.awaitOutput("ready: weft.1 forwards", WeftdProcess.START_TIMEOUT_MS);
            Await.until(weftd::output, Await.TIMEOUT_MS, () -> PodTraffic.reaches(node, peer, false));
            if ("TUN".equals(podPort) && workers > 1) {
                final String device = node.namespace().exec("ip", "-details", "link", "show", "weft.1");
                assertTrue(device.contains(" numqueues " + workers + ' '), device);
            }
            return weftd;
        } catch (final Exception | AssertionError failure) {
            weftd.close();
            throw failure;
        }
    }

    private void send(final int packetsOfFlow) throws Exception {
        final List<Flow> flows = new ArrayList<>();
        try {
            for (int i = 0; i < FLOWS; i++) {
                flows.add(new Flow());
            }
            for (int sequence = 1; sequence <= packetsOfFlow; sequence++) {
                for (final Flow flow : flows) {
                    flow.send(sequence);
                }
            }
            for (final Flow flow : flows) {
                flow.awaitEnd(packetsOfFlow);
            }
        } finally {
            flows.forEach(Flow::close);
        }
    }

    /** Two threads that come before weft's take a processor for a moment, again and again, and two ordinary ones take what they get. */
    private static final class Preemption implements AutoCloseable {
        private static final int PRIORITY = 50;
        private static final long PAUSE_NS = TimeUnit.MICROSECONDS.toNanos(50);
        private static final long BUSY_NS = TimeUnit.MICROSECONDS.toNanos(20);

        private final List<Thread> threads = new ArrayList<>();
        private final AtomicInteger realTimeCount = new AtomicInteger();
        private volatile boolean isClosed;

        Preemption() {
            start(this::preempt);
            start(this::preempt);
            start(this::keepBusy);
            start(this::keepBusy);
        }

        private void start(final Runnable body) {
            final Thread thread = new Thread(body, "preemption");
            thread.setDaemon(true);
            thread.start();
            threads.add(thread);
        }

        private void preempt() {
            realTimeCount.addAndGet(0 == new SchedulingPolicy().makeRealTime(PRIORITY) ? 1 : 0);
            while (!isClosed) {
                LockSupport.parkNanos(PAUSE_NS);
                final long beginNs = System.nanoTime();
                while (System.nanoTime() - beginNs < BUSY_NS) {
                    Thread.onSpinWait();
                }
            }
        }

        private void keepBusy() {
            while (!isClosed) {
                Thread.onSpinWait();
            }
        }

        void assertOfRealTime() {
            assertEquals(2, realTimeCount.get(), "threads of real time");
        }

        @Override
        public void close() {
            isClosed = true;
            Await.until(
                    threads::toString, Await.TIMEOUT_MS, () -> threads.stream().noneMatch(Thread::isAlive));
        }
    }

    /** Numbered datagrams from pod to pod. */
    private final class Flow {
        private final InetAddress address = InetAddress.getByName(peer.podAddress());
        private final DatagramSocket source = node.pod().call(DatagramSocket::new);
        private final DatagramSocket sink = peer.pod().call(() -> new DatagramSocket(0, address));
        private final InetSocketAddress target = new InetSocketAddress(address, sink.getLocalPort());
        private final AtomicLong last = new AtomicLong();

        Flow() throws IOException {
            source.setSendBufferSize(BUFFER_LENGTH);
            sink.setReceiveBufferSize(BUFFER_LENGTH);
            final Thread receiver = new Thread(this::receive, "flow-receiver");
            receiver.setDaemon(true);
            receiver.start();
        }

        void send(final int sequence) {
            final byte[] bytes = ByteBuffer.allocate(LENGTH).putInt(sequence).array();
            try {
                source.send(new DatagramPacket(bytes, LENGTH, target));
            } catch (final IOException failure) {
                throw new UncheckedIOException(failure);
            }
        }

        private void receive() {
            final byte[] bytes = new byte[LENGTH];
            final DatagramPacket packet = new DatagramPacket(bytes, LENGTH);
            int received = 0;
            try {
                while (true) {
                    sink.receive(packet);
                    final int sequence = ByteBuffer.wrap(bytes).getInt();
                    if (sequence < last.get()) {
                        late.incrementAndGet();
                    }
                    last.accumulateAndGet(sequence, Math::max);
                    received++;
                    if (0 == received % PACKETS_BETWEEN_ANSWERS) {
                        sink.send(new DatagramPacket(bytes, LENGTH, packet.getSocketAddress()));
                    }
                }
            } catch (final SocketException closed) {
                // close() ends it
            } catch (final IOException failure) {
                throw new AssertionError(failure);
            }
        }

        /** What was sent may be lost where buffers are full, so one more is sent until one of these came. */
        void awaitEnd(final int packetsOfFlow) {
            final AtomicLong sequence = new AtomicLong(packetsOfFlow);
            Await.until("the end of a flow", Await.TIMEOUT_MS, () -> {
                send((int) sequence.incrementAndGet());
                return last.get() > packetsOfFlow;
            });
        }

        void close() {
            source.close();
            sink.close();
        }
    }
}
