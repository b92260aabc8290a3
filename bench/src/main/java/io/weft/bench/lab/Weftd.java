/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import io.weft.bench.stats.Heap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * How weftd is started on the nodes of a lab.
 *
 * @param command the launcher's words, such as {@code bin/weftd}.
 * @param arguments more arguments than the lab gives by itself.
 * @param javaOptions JVM options, put into {@code WEFT_JAVA_OPTS}.
 * @param user that it runs as, with no rights but {@link #CAPABILITIES}; empty for that of the lab, root.
 * @param limit words before all others, of what limits it; empty for no limit.
 */
public record Weftd(List<String> command, List<String> arguments, String javaOptions, String user, List<String> limit) {
    /** The file registry of all nodes. */
    static final String LEASES = "leases.json";

    /** In the run directory, of the lab's network. */
    public static final String COUNTERS = "weft.1.counters";

    private static final String CAPABILITIES = "-all,+net_admin,+net_raw"; // as setpriv(1) writes them

    /** Without a limit. */
    public Weftd(
            final List<String> command, final List<String> arguments, final String javaOptions, final String user) {
        this(command, arguments, javaOptions, user, List.of());
    }

    /** The same with one more argument. */
    public Weftd with(final String argument) {
        final List<String> more = new ArrayList<>(arguments);
        more.add(argument);
        return new Weftd(command, more, javaOptions, user, limit);
    }

    /** The same by another JVM. */
    public Weftd by(final Path javaHome) {
        return new Weftd(
                Command.words(List.of("env", "JAVA_HOME=" + javaHome), command.toArray(String[]::new)),
                arguments,
                javaOptions,
                user,
                limit);
    }

    /** The same with one more JVM option. */
    public Weftd withJavaOption(final String option) {
        return new Weftd(command, arguments, (javaOptions + ' ' + option).strip(), user, limit);
    }

    /** The same with a part of the CPUs, of which its JVM knows as in a container: the lab's namespaces hide control groups. */
    public Weftd under(final CpuLimit cpuLimit) {
        final Weftd knowing = withJavaOption("-XX:ActiveProcessorCount=" + cpuLimit.visibleCpus());
        return new Weftd(command, arguments, knowing.javaOptions, user, cpuLimit.words());
    }

    /** Lets the daemon of whichever user make files in a directory. */
    void admit(final Path directory) throws IOException {
        if (!user.isEmpty()) {
            final UserPrincipal owner =
                    directory.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName(user);
            Files.setOwner(directory, owner);
        }
    }

    private List<String> asUser() {
        return user.isEmpty()
                ? List.of()
                : List.of(
                        "setpriv",
                        "--reuid=" + user,
                        "--init-groups",
                        "--bounding-set=" + CAPABILITIES,
                        "--inh-caps=" + CAPABILITIES,
                        "--ambient-caps=" + CAPABILITIES,
                        "--no-new-privs");
    }

    /** Where a node's daemon leaves what it says. */
    public static Path log(final Path directory, final Node node) {
        return directory.resolve("weftd-" + node.letter() + ".log");
    }

    /** Where a node's JVM logs its collections, and for how long all its threads stood still (JEP 271). */
    static Path gcLog(final Path directory, final Node node) {
        return directory.resolve("gc-" + node.letter() + ".log");
    }

    /** Where a node's daemon keeps counters and control socket. */
    public static Path runDirectory(final Path directory, final Node node) {
        return directory.resolve("run-" + node.letter());
    }

    /** The words that start it on one of the nodes, with a registry file that is written for all of them. */
    List<String> words(final Node node, final List<Node> all, final Path directory) throws IOException {
        final Path leases = directory.resolve(LEASES);
        Files.writeString(leases, leases(all));
        return words(node, "--registry=file:" + leases, directory);
    }

    /**
     * Starts it on a node.
     *
     * @param registry the option that tells where the leases are.
     * @param directory for all that it writes; its log is {@code weftd-A.log} there, for node A.
     */
    public Process start(final Node node, final String registry, final Path directory) {
        return Command.start(log(directory, node).toFile(), words(node, registry, directory));
    }

    private List<String> words(final Node node, final String registry, final Path directory) {
        final String options =
                Heap.JAVA_OPTION + " -Xlog:gc,safepoint:file=" + gcLog(directory, node) + ":uptime " + javaOptions;
        final List<String> words = new ArrayList<>(limit);
        words.addAll(node.inNode("env", "WEFT_JAVA_OPTS=" + options.strip()));
        words.addAll(asUser());
        words.addAll(command);
        words.add("--iface=" + Node.UNDERLAY_DEVICE);
        words.add(registry);
        words.add("--subnet-file=" + directory.resolve("subnet-" + node.letter() + ".env"));
        words.add("--run-dir=" + runDirectory(directory, node));
        words.add("--state-dir=" + directory.resolve("state-" + node.letter()));
        words.addAll(arguments);
        return words;
    }

    /** The registry file: flannel's own JSON, one lease for each node. */
    static String leases(final List<Node> nodes) {
        final String leases = nodes.stream()
                .map(node -> """
                        "%s": {"PublicIP": "%s", "BackendType": "vxlan", \
                        "BackendData": {"VNI": 1, "VtepMAC": "%s"}}""".formatted(node.subnet().replace('/', '-'), node.underlayAddress(), node.vtepMac()))
                .collect(Collectors.joining(",\n    "));
        return """
                {
                  "config": {"Network": "%s", "Backend": {"Type": "vxlan", "VNI": 1}},
                  "leases": {
                    %s
                  }
                }
                """.formatted(Node.CLUSTER_NETWORK, leases);
    }
}
