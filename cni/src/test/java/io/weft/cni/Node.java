/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.weft.linux.testing.NetworkNamespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;

/** One node without an overlay, with a pod's namespace to attach. */
final class Node implements AutoCloseable {
    private final Path directory;
    private final NetworkNamespace namespace = NetworkNamespace.create("node");
    private final NetworkNamespace pod = NetworkNamespace.create("pod");
    private final TestNetwork network;

    /**
     * @param directory of the test.
     * @param version cniVersion of the network.
     */
    Node(final Path directory, final String version) {
        this.directory = directory;
        network = new TestNetwork(directory, namespace, version, "{\"hairpinMode\":true,\"isDefaultGateway\":true}")
                .writeSubnetEnv(
                        "FLANNEL_NETWORK=10.42.0.0/16",
                        "FLANNEL_SUBNET=10.42.1.1/24",
                        "FLANNEL_MTU=1450",
                        // So that there are rules to be left behind.
                        "FLANNEL_IPMASQ=false");
    }

    NetworkNamespace namespace() {
        return namespace;
    }

    NetworkNamespace pod() {
        return pod;
    }

    TestNetwork network() {
        return network;
    }

    /** Runs an installed plugin by itself, for the pod's device of that name. */
    PluginProcess.Outcome plugin(
            final String plugin,
            final String command,
            final String containerId,
            final String ifname,
            final String config) {
        final Map<String, String> variables = network.variables(command, containerId, pod);
        variables.put(Invocation.IFNAME, ifname);
        return PluginProcess.run(
                PluginProcess.inNamespace(
                        namespace.name(),
                        InstalledPlugin.binDir().resolve(plugin).toString()),
                variables,
                config);
    }

    /** Puts a shell script in the place of a reference plugin; {@code $REAL} is that plugin. */
    void replacePlugin(final String name, final String script) {
        final Path plugin = directory.resolve("plugins").resolve(name);
        try {
            Files.createDirectories(directory.resolve("plugins"));
            Files.writeString(
                    plugin, "#!/bin/sh\nREAL=" + InstalledPlugin.binDir().resolve(name) + "\n" + script + "\n");
            Files.setPosixFilePermissions(plugin, PosixFilePermissions.fromString("rwxr-xr-x"));
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        network.withPlugins(directory.resolve("plugins"));
    }

    /** Fails if anything of an attachment is there: device, port, address, rule, file. */
    void assertNothingLeft(final String when) {
        assertNotEquals(0, pod.tryExec("ip", "link", "show", "eth0").exitCode(), when + ": eth0 in the pod");
        // As the reference plugins name them.
        final String veths = namespace.ip("-o", "link", "show", "type", "veth");
        assertEquals(-1, veths.indexOf(": veth"), when + ": " + veths);
        assertEquals(List.of(), network.reservedAddresses(), when);
        assertEquals(List.of(), network.stateFiles(), when);
        final String rules = namespace.exec("iptables", "-t", "nat", "-S");
        assertEquals(-1, rules.indexOf("CNI-"), when + ": " + rules);
    }

    @Override
    public void close() {
        pod.close();
        namespace.close();
    }
}
