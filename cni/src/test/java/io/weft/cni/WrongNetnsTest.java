/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.cni.PluginProcess.Outcome;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * CNI_NETNS names something that is no network namespace of a container: a mount point whose namespace has been unmounted, or the
 * node's own, as /proc/PID/ns/net does when the container has ended and a process of the node has its number
 * (containernetworking/plugins issue 714). Of the former the reference plugins fail even in DEL, and the address would stay given out
 * for ever; of the latter they would take the node's device away.
 */
@RequiresRoot
class WrongNetnsTest {
    private static final String POD = "pod-1";

    @TempDir
    Path directory;

    private Node node;
    private TestNetwork network;

    @BeforeEach
    void createNode() throws IOException {
        node = new Node(directory, "1.0.0");
        network = node.network().writeMasqueradedSubnetEnv();
        Files.createFile(directory.resolve("file"));
        Files.createDirectory(directory.resolve("directory"));
        Files.createSymbolicLink(directory.resolve("dangling"), directory.resolve("gone"));
        Files.createSymbolicLink(directory.resolve("namespace"), node.pod().path());
        Files.createSymbolicLink(directory.resolve("own"), node.namespace().path());
    }

    @AfterEach
    void close() {
        node.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"file", "directory", "dangling", "nowhere", "own"})
    void shouldReturnAddressWhenItIsNoNamespaceAtDelete(final String path) {
        network.add(POD, node.pod()).succeeded();
        assertEquals(List.of("10.42.1.2"), network.reservedAddresses());
        assertEquals(new Outcome(0, "", ""), run("DEL", directory.resolve(path)));
        assertEquals(List.of(), network.reservedAddresses());
        assertEquals(List.of(), network.stateFiles());
        // Another path than the pod's: whatever else that is, its device was not to be found.
        assertEquals(0, node.pod().tryExec("ip", "link", "show", "eth0").exitCode());
    }

    @ParameterizedTest
    @ValueSource(strings = {"file", "directory", "dangling", "nowhere", "own"})
    void shouldNameThePathWhenItIsNoNamespaceAtAdd(final String path) {
        final Path netns = directory.resolve(path);
        assertRefused(run("ADD", netns), netns);
        node.assertNothingLeft("after the refused ADD");
        assertNotEquals(
                0, node.namespace().tryExec("ip", "link", "show", "cni0").exitCode(), "nothing has been begun");
    }

    @ParameterizedTest
    @ValueSource(strings = {"file", "directory", "dangling", "own"})
    void shouldNameThePathWhenItIsNoNamespaceAtCheck(final String path) {
        network.add(POD, node.pod()).succeeded();
        final Path netns = directory.resolve(path);
        assertRefused(run("CHECK", netns), netns);
        assertEquals(List.of("10.42.1.2"), network.reservedAddresses());
    }

    @ParameterizedTest
    @ValueSource(strings = {"own", "/proc/self/ns/net"})
    void shouldLeaveNodesDeviceAloneAtDelete(final String path) {
        network.add(POD, node.pod()).succeeded();
        node.namespace().ip("link", "add", "eth0", "type", "bridge");
        assertEquals(new Outcome(0, "", ""), run("DEL", directory.resolve(path)));
        assertEquals(0, node.namespace().tryExec("ip", "link", "show", "eth0").exitCode());
        assertEquals(List.of(), network.reservedAddresses());
        assertEquals(List.of(), network.stateFiles());
    }

    /** By a variable of the reference plugins' own (containernetworking/cni, pkg/skel). */
    @ParameterizedTest
    @ValueSource(strings = {"1", "true"})
    void shouldTakeItsOwnNamespaceWhenRuntimeInsists(final String override) {
        for (final String command : List.of("ADD", "DEL")) {
            final Map<String, String> variables = network.variables(command, POD, node.pod());
            variables.put(Invocation.NETNS, directory.resolve("own").toString());
            variables.put(Netns.OVERRIDE, override);
            run(variables).succeeded();
            assertEquals(
                    "ADD".equals(command),
                    0 == node.namespace().tryExec("ip", "link", "show", "eth0").exitCode());
        }
        node.assertNothingLeft("after DEL");
    }

    @Test
    void shouldFollowLinkToNamespace() {
        final Path link = directory.resolve("namespace");
        run("ADD", link).succeeded();
        assertEquals(0, node.pod().tryExec("ip", "link", "show", "eth0").exitCode());
        run("DEL", link).succeeded();
        node.assertNothingLeft("after DEL");
    }

    /** In the C locale such a name is no text to the JVM, and the delegate has to judge it. */
    @Test
    void shouldTakeNamespaceWhoseNameIsNoTextInItsLocale() throws IOException {
        final Path link = Files.createSymbolicLink(
                directory.resolve("caf\u00E9"), node.pod().path());
        for (final String command : List.of("ADD", "DEL")) {
            final Map<String, String> variables = network.variables(command, POD, node.pod());
            variables.put(Invocation.NETNS, link.toString());
            variables.put("LC_ALL", "C");
            run(variables).succeeded();
        }
        node.assertNothingLeft("after DEL");
    }

    private Outcome run(final String command, final Path netns) {
        final Map<String, String> variables = network.variables(command, POD, node.pod());
        variables.put(Invocation.NETNS, netns.toString());
        return run(variables);
    }

    private Outcome run(final Map<String, String> variables) {
        return PluginProcess.run(
                PluginProcess.inNamespace(
                        node.namespace().name(),
                        InstalledPlugin.binDir().resolve(InstallCni.PLUGIN).toString()),
                variables,
                network.stdin(POD));
    }

    private static void assertRefused(final Outcome outcome, final Path netns) {
        assertEquals(1, outcome.exitCode(), outcome.toString());
        assertEquals(CniException.INVALID_ENVIRONMENT, outcome.code(), outcome.toString());
        assertTrue(
                outcome.message().startsWith("CNI_NETNS=\"" + netns + "\" is no network namespace of a container: "),
                outcome.message());
    }
}
