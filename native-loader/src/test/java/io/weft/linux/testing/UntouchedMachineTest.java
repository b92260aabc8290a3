/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.Event;

/** Runs classes that do what no test may do. What they leave is in the namespace of this test's thread. */
class UntouchedMachineTest {
    @TempDir
    private Path directory = Path.of(".");

    @RequiresRoot
    static class LeavesADevice {
        @Test
        void shouldPass() {
            Command.run(List.of("ip", "link", "add", "cni0", "type", "bridge"));
        }
    }

    @RequiresRoot
    static class LeavesAKernelParameter {
        @Test
        void shouldPass() throws IOException {
            Files.writeString(Path.of("/proc/sys/net/ipv4/ip_forward"), "1");
        }
    }

    @RequiresRoot
    static class LeavesANamespace {
        private static final NetworkNamespace LEFT = NetworkNamespace.create("left");

        @Test
        void shouldPass() {
            LEFT.ip("link", "set", "lo", "down");
        }
    }

    @RequiresRoot
    static class LeavesNothing {
        @Test
        void shouldPass() {
            try (NetworkNamespace namespace = NetworkNamespace.create("used")) {
                namespace.ip("link", "add", "cni0", "type", "bridge");
                namespace.start("sleep", "1000");
            }
        }
    }

    /** Its failures, as text. The tests of the classes pass; what fails is the class. */
    private static String failuresOf(final Class<?> testClass) {
        return EngineTestKit.engine("junit-jupiter")
                .enableImplicitConfigurationParameters(true)
                .selectors(DiscoverySelectors.selectClass(testClass))
                .execute()
                .containerEvents()
                .failed()
                .map(Event::toString)
                .reduce("", String::concat);
    }

    @Test
    @RequiresRoot
    void shouldNotStandInTheNamespaceOfTheMachine() throws IOException {
        // The thread that leads the process never runs a test.
        assertNotEquals(
                Files.readSymbolicLink(Path.of("/proc/self/ns/net")),
                Files.readSymbolicLink(Path.of("/proc/thread-self/ns/net")));
    }

    @Test
    @RequiresRoot
    void shouldFailTheClassThatLeavesADevice() {
        try {
            final String failures = failuresOf(LeavesADevice.class);
            assertTrue(failures.contains("LeavesADevice has changed"), failures);
            assertTrue(failures.contains(": cni0: "), failures);
        } finally {
            Command.run(List.of("ip", "link", "del", "cni0"));
        }
    }

    @Test
    @RequiresRoot
    void shouldFailTheClassThatLeavesAKernelParameter() throws IOException {
        final Path parameter = Path.of("/proc/sys/net/ipv4/ip_forward");
        final String before = Files.readString(parameter);
        Files.writeString(parameter, "0");
        try {
            final String failures = failuresOf(LeavesAKernelParameter.class);
            assertTrue(failures.contains("+ ipv4/ip_forward:1"), failures);
        } finally {
            Files.writeString(parameter, before);
        }
    }

    @Test
    @RequiresRoot
    void shouldFailTheClassThatLeavesANamespace() {
        try {
            final String failures = failuresOf(LeavesANamespace.class);
            assertTrue(failures.contains("+ " + LeavesANamespace.LEFT.path()), failures);
        } finally {
            LeavesANamespace.LEFT.close();
        }
    }

    @Test
    @RequiresRoot
    void shouldPassTheClassThatLeavesNothing() {
        assertEquals("", failuresOf(LeavesNothing.class));
    }

    @Test
    void shouldTellWhichFileIsNewOrChangedOrGone() throws IOException {
        final Path place = Files.createDirectory(directory.resolve("run"));
        final List<Path> places = List.of(place, directory.resolve("none"));
        Files.writeString(place.resolve("changed"), "1");
        Files.writeString(place.resolve("gone"), "1");
        final MachineState before = MachineState.ofFiles(places);
        assertEquals("", before.differenceTo(MachineState.ofFiles(places)));

        Files.writeString(place.resolve("changed"), "22");
        Files.delete(place.resolve("gone"));
        Files.createDirectory(place.resolve("new"));
        final String difference = before.differenceTo(MachineState.ofFiles(places));
        assertTrue(difference.contains("- " + place.resolve("gone") + ", 1 B"), difference);
        assertTrue(difference.contains("+ " + place.resolve("changed") + ", 2 B"), difference);
        assertTrue(difference.contains("+ " + place.resolve("new") + "/"), difference);
    }
}
