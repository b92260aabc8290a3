/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.Lab;
import io.weft.bench.lab.Teardown;
import io.weft.bench.stats.Stopwatch;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * ADD and DEL of the installed CNI plugin beside those of Debian's bridge plugin, which it calls: the bridge with the configuration
 * that flannel's plugin would hand it. As {@code cni/bin/measure}, which gives quantiles.
 */
final class CniTrial implements Trial {
    private static final int ROUNDS = 15;
    private static final Path REFERENCE_PLUGINS = Path.of("/usr/lib/cni");

    /** One plugin with its configuration, in the namespace of a node. */
    private record Plugin(List<String> inNode, Path program, Path configuration) {
        double seconds(final String command) {
            final List<String> words = Command.words(
                    inNode,
                    "CNI_COMMAND=" + command,
                    "sh",
                    "-c",
                    "exec \"$0\" <\"$1\"",
                    program.toString(),
                    configuration.toString());
            return Stopwatch.seconds(words);
        }

        double addSeconds() {
            final double seconds = seconds("ADD");
            seconds("DEL");
            return seconds;
        }

        double deleteSeconds() {
            seconds("ADD");
            return seconds("DEL");
        }
    }

    @Override
    public String name() {
        return "cni";
    }

    @Override
    public String subject() {
        return "the CNI plugin";
    }

    @Override
    public String lack() {
        return Files.isExecutable(REFERENCE_PLUGINS.resolve("bridge"))
                ? ""
                : "it needs Debian's containernetworking-plugins";
    }

    @Override
    public List<Finding> run(final Site site, final Teardown teardown) throws IOException {
        final Path directory = teardown.add(new Workspace()).path();
        final Lab lab = teardown.add(new Lab(site.labPrefix() + "-cni"));
        final String node = lab.addNamespace("node");
        final String pod = lab.addNamespace("pod");
        final Path bin = install(site.bin(), directory);
        final List<String> inNode = List.of(
                "ip",
                "netns",
                "exec",
                node,
                "env",
                "CNI_CONTAINERID=budget",
                "CNI_NETNS=/run/netns/" + pod,
                "CNI_IFNAME=eth0",
                "CNI_PATH=" + bin);
        final Plugin weft = new Plugin(inNode, bin.resolve("weft-cni"), weftConfiguration(directory));
        final Plugin bridge = new Plugin(inNode, bin.resolve("bridge"), bridgeConfiguration(directory));
        return List.of(
                Budgets.CNI_ADD.compare(ROUNDS, weft::addSeconds, bridge::addSeconds),
                Budgets.CNI_DEL.compare(ROUNDS, weft::deleteSeconds, bridge::deleteSeconds));
    }

    /** Installs the plugin with its runtime, and the reference plugins beside it. */
    private static Path install(final Path launchers, final Path directory) throws IOException {
        final Path bin = directory.resolve("bin");
        Command.run(
                launchers.resolve("weft").toString(),
                "install-cni",
                "--bin-dir",
                bin.toString(),
                "--conf-dir",
                directory.resolve("net.d").toString());
        try (DirectoryStream<Path> plugins = Files.newDirectoryStream(REFERENCE_PLUGINS)) {
            for (final Path plugin : plugins) {
                Files.createSymbolicLink(bin.resolve(REFERENCE_PLUGINS.relativize(plugin)), plugin);
            }
        }
        return bin;
    }

    private static Path weftConfiguration(final Path directory) throws IOException {
        Files.writeString(
                directory.resolve("subnet.env"),
                "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n");
        return Files.writeString(directory.resolve("weft.json"), """
                {"cniVersion":"1.0.0","name":"budget","type":"weft-cni","subnetFile":"%1$s/subnet.env",
                "dataDir":"%1$s/state","ipam":{"dataDir":"%1$s/weft"},
                "delegate":{"bridge":"cni0","hairpinMode":true,"isDefaultGateway":true}}
                """.formatted(directory));
    }

    private static Path bridgeConfiguration(final Path directory) throws IOException {
        return Files.writeString(directory.resolve("bridge.json"), """
                {"cniVersion":"1.0.0","name":"budget","type":"bridge","bridge":"cni0","hairpinMode":true,
                "isDefaultGateway":true,"isGateway":true,"ipMasq":false,"mtu":1450,
                "ipam":{"type":"host-local","dataDir":"%1$s/direct","ranges":[[{"subnet":"10.42.1.0/24"}]],
                "routes":[{"dst":"10.42.0.0/16"}]}}
                """.formatted(directory));
    }
}
