/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.testing;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.Netns;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;

@RequiresRoot
class TopologyTest {
    @Test
    void shouldCarryPingBetweenPodsOfKernelNodesWhenThreeNodesShareAnUnderlayBridge() {
        try (Topology topology = Topology.builder().nodes(3).dualStack().build()) {
            topology.nodes().forEach(topology::kernelVxlan);
            for (final Topology.Node from : topology.nodes()) {
                for (final Topology.Node to : topology.nodes()) {
                    if (!from.equals(to)) {
                        from.pod().exec("ping", "-c", "1", "-W", "60", to.podAddress());
                        Await.until(
                                "ping over IPv6 from " + from.letter() + " to " + to.letter(),
                                Await.TIMEOUT_MS,
                                () -> reaches(from.pod(), to.podAddressV6()));
                    }
                }
            }
        }
    }

    private static boolean reaches(final NetworkNamespace from, final String address) {
        return 0 == from.tryExec("ping", "-c", "1", "-W", "1", address).exitCode();
    }

    @Test
    void shouldReachAPeerOnlyWhileItIsProgrammed() {
        try (Topology topology = Topology.twoNodes()) {
            final Topology.Node a = topology.node(0);
            final Topology.Node b = topology.node(1);
            final KernelVxlan overlay = topology.kernelVxlan(a);
            topology.kernelVxlan(b);
            a.pod().exec("ping", "-c", "1", "-W", "60", b.podAddress());
            overlay.removePeer(b);
            assertFalse(reaches(a.pod(), b.podAddress()));
        }
    }

    @Test
    void shouldRunTasksInsideTheNamespaceAndLeaveTheCallerOutside() throws Exception {
        try (NetworkNamespace namespace = NetworkNamespace.create("tasks")) {
            namespace.ip("link", "add", "weftbridge", "type", "bridge");
            final Callable<String> devices = () -> Files.readString(Path.of("/proc/thread-self/net/dev"));
            assertTrue(namespace.call(devices).contains("weftbridge"));
            assertFalse(devices.call().contains("weftbridge"));
            final IllegalStateException failure = assertThrows(
                    IllegalStateException.class, () -> namespace.exec("ip", "link", "show", "dev", "nodevice"));
            assertTrue(failure.toString().contains("nodevice"), failure.toString());
        }
    }

    @Test
    void shouldThrowWhatATaskThrows() {
        try (NetworkNamespace namespace = NetworkNamespace.create("throws")) {
            assertThrows(
                    AssertionError.class,
                    () -> namespace.run(() -> {
                        throw new AssertionError("inside");
                    }));
        }
    }

    @Test
    void shouldLeaveNothingBehindWhenClosed() {
        final List<Path> files = new ArrayList<>();
        final BackgroundProcess process;
        try (Topology topology = Topology.builder().nodes(1).build()) {
            files.add(topology.node(0).namespace().path());
            files.add(topology.node(0).pod().path());
            files.forEach(file -> assertTrue(Files.exists(file), file::toString));
            process = topology.node(0).pod().start("sleep", "1000");
            assertTrue(process.process().isAlive());
        }
        files.forEach(file -> assertFalse(Files.exists(file), file::toString));
        assertFalse(process.process().isAlive());
    }

    @Test
    void shouldLeaveNothingBehindWhenSetUpFails() throws IOException {
        final String mine = NetworkNamespace.ownPrefix();
        assertThrows(
                IllegalStateException.class,
                () -> Topology.builder().mtu(70_000).build());
        try (var names = Files.list(Netns.DIRECTORY)) {
            assertFalse(names.anyMatch(path -> path.getFileName().toString().startsWith(mine)));
        }
    }

    @Test
    void shouldFailWithWhatWasAwaitedWhenTheDeadlinePasses() {
        final AssertionError error =
                assertThrows(AssertionError.class, () -> Await.until("the impossible", 10, () -> false));
        assertTrue(error.toString().contains("the impossible"));
    }
}
