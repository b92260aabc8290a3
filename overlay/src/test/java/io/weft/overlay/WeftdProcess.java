/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.Topology;
import io.weft.overlay.daemon.WeftdMain;
import io.weft.overlay.forwarding.BufferBudget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** weftd as a process of its own in a namespace, with the class path of the tests. */
public final class WeftdProcess {
    /** How long a start may take on a busy machine. */
    public static final long START_TIMEOUT_MS = Await.TIMEOUT_MS;

    /** The most workers that a test asks for. */
    private static final int WORKERS_MAX_OF_TESTS = 64;

    /** A test starts it and looks at it: there is nobody whose first packets have to be fast. */
    private static final String NOT_REHEARSED = "--rehearsal-limit=0";

    /** No packets but those of the test. */
    private static final String NOBODY_ASKED = "--peer-check-interval=0";

    /** As it is started by default, but for a quarter of the time, for tests of what a start or a handover does. */
    static final String REHEARSED = "--rehearsal-limit=1000";

    private WeftdProcess() {}

    /** Starts it with a run directory and a subnet file of its own. */
    public static BackgroundProcess start(
            final NetworkNamespace namespace, final Path directory, final String... options) {
        return namespace.start(command(directory, options));
    }

    /**
     * Writes {@code leases.json} into the directory: the network of a topology, by VXLAN, and these {@link #lease}s. At once, so that a
     * daemon that follows it sees all or nothing.
     */
    public static void leases(final Path directory, final String... leases) throws IOException {
        leasesOf(Topology.CLUSTER_NETWORK, directory, leases);
    }

    /** The same of another network. */
    public static void leasesOf(final String network, final Path directory, final String... leases) throws IOException {
        registry(directory, "\"Network\":\"" + network + "\",\"Backend\":{\"Type\":\"vxlan\"}", leases);
    }

    /**
     * The same of a dual-stack topology, with the leases of its nodes.
     *
     * @param backend members of the Backend beside its type, each behind a comma; may be empty.
     */
    public static void dualStackLeases(
            final Path directory, final String backend, final int vni, final Topology.Node... nodes)
            throws IOException {
        registry(
                directory,
                "\"Network\":\"" + Topology.CLUSTER_NETWORK + "\",\"EnableIPv6\":true,\"IPv6Network\":\""
                        + Topology.CLUSTER_NETWORK_V6 + "\",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":" + vni + backend
                        + "}",
                Stream.of(nodes).map(node -> dualStackLease(node, vni)).toArray(String[]::new));
    }

    private static void registry(final Path directory, final String config, final String... leases) throws IOException {
        final Path fresh = Files.writeString(
                directory.resolve("fresh-leases.json"),
                "{\"config\":{" + config + "},\"leases\":{" + String.join(",", leases) + "}}");
        Files.move(fresh, directory.resolve("leases.json"), StandardCopyOption.ATOMIC_MOVE);
    }

    /** Starts it on a node of a topology, with the leases of {@code leases.json} in the directory. */
    public static BackgroundProcess start(final Topology.Node node, final Path directory, final String... options) {
        final List<String> all = new ArrayList<>(
                List.of("--registry=file:" + directory.resolve("leases.json"), "--iface=" + node.underlayDevice()));
        all.addAll(List.of(options));
        return start(node.namespace(), directory, all.toArray(String[]::new));
    }

    /** A member of {@code leases} in a registry file: that of a node of a topology, with VNI 1. */
    public static String lease(final Topology.Node of, final String mac) {
        return lease(of.subnet(), of.underlayAddress(), mac);
    }

    /** The same of any node. */
    public static String lease(final String subnet, final String publicIp, final String mac) {
        return "\"" + subnet.replace('/', '-') + "\":{\"PublicIP\":\"" + publicIp
                + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + mac + "\"}}";
    }

    /** That of a node whose tunnel device has the MAC that the topology gives it. */
    public static String lease(final Topology.Node of) {
        return lease(of, of.vtepMac());
    }

    /** A member of {@code leases} as flannel writes it for a node of both families. */
    public static String dualStackLease(final Topology.Node of, final int vni) {
        return "\"" + of.subnet().replace('/', '-') + '&' + of.subnetV6().replace('/', '-') + "\":{\"PublicIP\":\""
                + of.underlayAddress() + "\",\"PublicIPv6\":\"" + of.underlayAddressV6()
                + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":" + vni + ",\"VtepMAC\":\"" + of.vtepMac()
                + "\"},\"BackendV6Data\":{\"VNI\":" + vni + ",\"VtepMAC\":\"" + of.vtepMacV6() + "\"}}";
    }

    /** The command line of one with a run directory, a state directory and a subnet file of its own. */
    public static String[] command(final Path directory, final String... options) {
        final List<String> command = java(WeftdMain.class);
        command.add("--run-dir=" + directory.resolve("run"));
        command.add("--state-dir=" + directory.resolve("state"));
        command.add("--subnet-file=" + directory.resolve("subnet.env"));
        command.addAll(List.of(NOT_REHEARSED, NOBODY_ASKED)); // a later option counts
        command.addAll(List.of(options));
        return command.toArray(String[]::new);
    }

    /** The command that bin/weft-java runs for a main class, with the class path of the tests and the JVM's first compiler alone. */
    public static List<String> java(final Class<?> main) {
        return new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-Xms64m",
                "-Xmx64m",
                "-Xmn8m",
                "-XX:+ExitOnOutOfMemoryError",
                // A third less CPU for each of hundreds of starts. What is shipped runs in the tests of docs and bench.
                "-XX:TieredStopAtLevel=1",
                "-XX:-OmitStackTraceInFastThrow",
                "-XX:MaxDirectMemorySize=" + BufferBudget.mebibytes(WORKERS_MAX_OF_TESTS) + "m",
                "-XX:+IgnoreUnrecognizedVMOptions",
                "-Djdk.httpclient.allowRestrictedHeaders=host",
                "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
    }
}
