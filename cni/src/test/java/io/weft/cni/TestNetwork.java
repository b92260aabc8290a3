/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import io.weft.address.IpAddress;
import io.weft.cni.PluginProcess.Outcome;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The container runtime of one node: holds a conflist and carries it out as libcni does, plugin by plugin, inside the
 * node's network namespace. All state lies under one directory of the test.
 */
final class TestNetwork {
    private final Path directory;
    private final NetworkNamespace node;
    private final List<Map<String, @Nullable Object>> chain = new ArrayList<>();
    private final Map<String, Map<String, @Nullable Object>> results = new TreeMap<>();
    private final Map<String, Map<String, String>> runtimeConfigs = new TreeMap<>();
    private final String version;
    private String path = InstalledPlugin.binDir().toString();

    /**
     * @param directory of the test, for subnet.env, state and address files.
     * @param node whose bridge the pods are put on.
     * @param version cniVersion of the conflist.
     * @param delegate keys of weft-cni's delegate as JSON.
     * @param chained configurations of further plugins as JSON.
     */
    TestNetwork(
            final Path directory,
            final NetworkNamespace node,
            final String version,
            final String delegate,
            final String... chained) {
        this.directory = directory;
        this.node = node;
        this.version = version;
        final String first = """
                {"type":"weft-cni","subnetFile":"%s","dataDir":"%s","ipam":{"dataDir":"%s"},"delegate":%s,
                "capabilities":{"portMappings":true,"bandwidth":true,"ipRanges":true,"mac":true}}""".formatted(subnetFile(), stateDir(), addressDir(), delegate);
        chain.add(parse(first));
        for (final String each : chained) {
            chain.add(parse(each));
        }
    }

    /** Sets a key of weft-cni's configuration to a value in JSON. */
    TestNetwork with(final String key, final String value) {
        chain.get(0).put(key, parse("{\"value\":" + value + "}").get("value"));
        return this;
    }

    /** Has the plugins of a directory found before the installed ones. */
    TestNetwork withPlugins(final Path binDir) {
        path = binDir + ":" + InstalledPlugin.binDir();
        return this;
    }

    Path subnetFile() {
        return directory.resolve("subnet.env");
    }

    Path stateDir() {
        return directory.resolve("state");
    }

    Path addressDir() {
        return directory.resolve("addresses");
    }

    /** Writes subnet.env as the overlay daemon does. */
    TestNetwork writeSubnetEnv(final String... lines) {
        try {
            Files.writeString(subnetFile(), String.join("\n", lines) + "\n");
            return this;
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Writes subnet.env of 10.42.1.0/24, whose pods the delegate is to masquerade. */
    TestNetwork writeMasqueradedSubnetEnv() {
        return writeSubnetEnv(
                "FLANNEL_NETWORK=10.42.0.0/16",
                "FLANNEL_SUBNET=10.42.1.1/24",
                "FLANNEL_MTU=1450",
                "FLANNEL_IPMASQ=true");
    }

    /** Writes subnet.env of a node of {@link io.weft.linux.testing.Topology}. */
    TestNetwork writeSubnetEnv(final Topology.Node of, final int mtu) {
        final List<String> lines = new ArrayList<>();
        lines.add("FLANNEL_NETWORK=" + Topology.CLUSTER_NETWORK);
        lines.add("FLANNEL_SUBNET=" + of.bridgeAddress() + "/24");
        if (of.dualStack()) {
            lines.add("FLANNEL_IPV6_NETWORK=" + Topology.CLUSTER_NETWORK_V6);
            lines.add("FLANNEL_IPV6_SUBNET=" + of.bridgeAddressV6() + "/64");
        }
        lines.add("FLANNEL_MTU=" + mtu);
        lines.add("FLANNEL_IPMASQ=true");
        return writeSubnetEnv(lines.toArray(new String[0]));
    }

    /** Adds a pod: all plugins in order, each with the result of the one before. */
    Outcome add(final String containerId, final NetworkNamespace pod, final Map<String, String> runtimeConfig) {
        runtimeConfigs.put(containerId, runtimeConfig);
        Outcome outcome = new Outcome(0, "", "");
        Map<String, @Nullable Object> prevResult = null;
        for (final Map<String, @Nullable Object> plugin : chain) {
            outcome = run("ADD", containerId, pod, config(plugin, prevResult, runtimeConfig));
            if (0 != outcome.exitCode()) {
                return outcome;
            }
            prevResult = outcome.json();
        }
        if (null != prevResult) {
            results.put(containerId, prevResult);
        }
        return outcome;
    }

    Outcome add(final String containerId, final NetworkNamespace pod) {
        return add(containerId, pod, Map.of());
    }

    /** Deletes a pod: all plugins in reverse order. */
    Outcome delete(final String containerId, final @Nullable NetworkNamespace pod) {
        Outcome outcome = new Outcome(0, "", "");
        final List<Map<String, @Nullable Object>> reversed = new ArrayList<>(chain);
        Collections.reverse(reversed);
        for (final Map<String, @Nullable Object> plugin : reversed) {
            outcome = run("DEL", containerId, pod, configOf(plugin, containerId));
            if (0 != outcome.exitCode()) {
                return outcome;
            }
        }
        results.remove(containerId);
        return outcome;
    }

    /** One operation of weft-cni alone, with the pod's result if there is one. */
    Outcome weftCni(final String command, final String containerId, final @Nullable NetworkNamespace pod) {
        return run(command, containerId, pod, configOf(chain.get(0), containerId));
    }

    /** The variables of an operation of weft-cni. */
    Map<String, String> variables(
            final String command, final String containerId, final @Nullable NetworkNamespace pod) {
        final Map<String, String> variables = PluginProcess.variables(command, containerId);
        variables.put(Invocation.NETNS, null == pod ? "" : pod.path().toString());
        variables.put(Invocation.PATH, path);
        return variables;
    }

    /** GC of weft-cni with the pods that are valid. */
    Outcome collectGarbage(final String... validContainers) {
        final Map<String, @Nullable Object> config = config(chain.get(0), null, Map.of());
        final List<@Nullable Object> valid = new ArrayList<>();
        for (final String containerId : validContainers) {
            valid.add(Map.of("containerID", containerId, "ifname", "eth0"));
        }
        config.put(NetworkConfig.VALID_ATTACHMENTS, valid);
        return run("GC", "", null, config);
    }

    /** The standard input of weft-cni's ADD. */
    String stdin() {
        return new String(Json.write(config(chain.get(0), null, Map.of())), StandardCharsets.UTF_8);
    }

    /** The standard input of weft-cni's operations on a pod, with its result if it has been added. */
    String stdin(final String containerId) {
        return new String(Json.write(configOf(chain.get(0), containerId)), StandardCharsets.UTF_8);
    }

    private Map<String, @Nullable Object> configOf(
            final Map<String, @Nullable Object> plugin, final String containerId) {
        return config(plugin, results.get(containerId), runtimeConfigs.getOrDefault(containerId, Map.of()));
    }

    private Map<String, @Nullable Object> config(
            final Map<String, @Nullable Object> plugin,
            final @Nullable Map<String, @Nullable Object> prevResult,
            final Map<String, String> runtimeConfig) {
        final Map<String, @Nullable Object> config = new TreeMap<>(plugin);
        final Map<String, @Nullable Object> capabilities = Json.asObject(config.remove("capabilities"));
        config.put("name", "weft-test");
        config.put(NetworkConfig.CNI_VERSION, version);
        final Map<String, @Nullable Object> wanted = new TreeMap<>();
        runtimeConfig.forEach((key, value) -> {
            if (null != capabilities && capabilities.containsKey(key)) {
                wanted.put(key, parse("{\"value\":" + value + "}").get("value"));
            }
        });
        if (!wanted.isEmpty()) {
            config.put(NetworkConfig.RUNTIME_CONFIG, wanted);
        }
        if (null != prevResult) {
            config.put(NetworkConfig.PREV_RESULT, prevResult);
        }
        return config;
    }

    private Outcome run(
            final String command,
            final String containerId,
            final @Nullable NetworkNamespace pod,
            final Map<String, @Nullable Object> config) {
        final String plugin =
                InstalledPlugin.binDir().resolve(Plugin.typeOf(config)).toString();
        return PluginProcess.run(
                PluginProcess.inNamespace(node.name(), plugin),
                variables(command, containerId, pod),
                new String(Json.write(config), StandardCharsets.UTF_8));
    }

    /** The addresses that host-local has given out. */
    List<String> reservedAddresses() {
        return names(addressDir().resolve("weft-test")).stream()
                .filter(name -> !"lock".equals(name) && !name.startsWith("last_reserved_ip"))
                .toList();
    }

    /** The files of weft-cni's own state. */
    List<String> stateFiles() {
        return names(stateDir());
    }

    /** The devices of the node that are ports of its bridge. */
    String bridgePorts() {
        return node.ip("-o", "link", "show", "master", "cni0");
    }

    private static List<String> names(final Path directory) {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> String.valueOf(file.getFileName()))
                    .sorted()
                    .toList();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The address of a result, without its prefix length. */
    static String address(final Outcome outcome, final int index) {
        final List<@Nullable Object> ips = Json.asArray(outcome.json().get("ips"));
        final Map<String, @Nullable Object> ip = null == ips ? null : Json.asObject(ips.get(index));
        final String address = null == ip ? "" : String.valueOf(ip.get("address"));
        return address.substring(0, address.indexOf('/'));
    }

    /** The address as the plugins write it. */
    static String canonical(final InetAddress address) {
        return IpAddress.of(address).toString();
    }

    static Map<String, @Nullable Object> parse(final String json) {
        try {
            return Json.readObject(json.getBytes(StandardCharsets.UTF_8), json);
        } catch (final CniException e) {
            throw new AssertionError(e.message() + " " + e.details(), e);
        }
    }
}
