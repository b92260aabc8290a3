/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.json.JsonOutput;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * weftd in a container that runc makes as containerd has it make one that is not privileged, but for two capabilities and the host's
 * network: read-only root and /proc/sys, no /dev/net/tun.
 */
@RequiresRoot
class UnprivilegedContainerTest {
    private static final List<String> CAPABILITIES = List.of("CAP_NET_ADMIN", "CAP_NET_RAW");

    /** CAP_NET_ADMIN and CAP_NET_RAW: include/uapi/linux/capability.h. */
    private static final String CAPABILITY_BITS = "0000000000003000";

    /** What a container has its own of. */
    private static final Set<String> NOT_FROM_THE_HOST = Set.of("proc", "sys", "dev", "run", "tmp");

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private final String container = node.namespace().name();

    @BeforeEach
    void setUp() throws IOException {
        topology.kernelVxlan(peer);
        WeftdProcess.leases(directory, WeftdProcess.lease(node), WeftdProcess.lease(peer));
    }

    @AfterEach
    void tearDown() {
        runc("delete", "--force", container);
        topology.close();
    }

    /** runc asks for control groups, whose mounts ip-netns(8) leaves out of the /sys that it mounts. */
    private String[] runcCommand(final String... arguments) {
        final List<String> command = new ArrayList<>(List.of(
                "sh",
                "-c",
                "mount -t cgroup2 none /sys/fs/cgroup && exec runc \"$@\"",
                "runc",
                "--root",
                directory.resolve("runc").toString()));
        command.addAll(List.of(arguments));
        return command.toArray(String[]::new);
    }

    private Command.Result runc(final String... arguments) {
        return node.namespace().tryExec(runcCommand(arguments));
    }

    /** Of the OCI runtime specification. */
    private void writeBundle(final String... process) throws IOException {
        final List<Map<String, Object>> mounts = new ArrayList<>(List.of(
                mount("proc", "proc", "/proc"),
                mount("sysfs", "sysfs", "/sys", "ro"),
                mount("tmpfs", "tmpfs", "/dev", "nosuid", "mode=755"),
                mount("tmpfs", "tmpfs", "/run"),
                mount("tmpfs", "tmpfs", "/tmp")));
        try (Stream<Path> top = Files.list(Path.of("/"))) {
            top.filter(path -> Files.isDirectory(path)
                            && !NOT_FROM_THE_HOST.contains(path.getFileName().toString()))
                    .forEach(path -> mounts.add(mount("none", path.toString(), path.toString(), "rbind", "ro")));
        }
        mounts.add(mount("none", directory.toString(), directory.toString(), "bind", "rw"));
        Files.createDirectories(directory.resolve("bundle/rootfs"));
        Files.writeString(
                directory.resolve("bundle/config.json"),
                JsonOutput.of(Map.of(
                        "ociVersion",
                        "1.0.2",
                        "root",
                        Map.of("path", "rootfs", "readonly", true),
                        "process",
                        Map.of(
                                "user",
                                Map.of("uid", 0, "gid", 0),
                                "cwd",
                                "/",
                                "env",
                                List.of("PATH=" + System.getenv("PATH")),
                                "args",
                                Arrays.asList(process),
                                "noNewPrivileges",
                                true,
                                "capabilities",
                                Map.of("bounding", CAPABILITIES, "effective", CAPABILITIES, "permitted", CAPABILITIES)),
                        "mounts",
                        mounts,
                        "linux",
                        Map.of(
                                "namespaces",
                                List.of(
                                        Map.of("type", "pid"),
                                        Map.of("type", "ipc"),
                                        Map.of("type", "uts"),
                                        Map.of("type", "mount"),
                                        Map.of(
                                                "type",
                                                "network",
                                                "path",
                                                node.namespace().path().toString())),
                                "readonlyPaths",
                                List.of("/proc/sys", "/proc/sysrq-trigger"),
                                "maskedPaths",
                                List.of("/proc/kcore", "/proc/keys")))));
    }

    private static Map<String, Object> mount(
            final String type, final String source, final String destination, final String... options) {
        return Map.of("type", type, "source", source, "destination", destination, "options", List.of(options));
    }

    @Test
    void shouldForwardWithTwoCapabilitiesAndNoTun() throws Exception {
        writeBundle(WeftdProcess.command(
                directory, "--registry=file:" + directory.resolve("leases.json"), "--iface=" + node.underlayDevice()));
        final String[] command =
                runcCommand("run", "--bundle", directory.resolve("bundle").toString(), container);
        try (BackgroundProcess weftd = node.namespace().start(command)) {
            weftd.awaitOutput("ready: weft.1 forwards", WeftdProcess.START_TIMEOUT_MS);
            final String status =
                    runc("exec", container, "cat", "/proc/1/status").output();
            assertTrue(status.contains("CapEff:\t" + CAPABILITY_BITS), status);
            assertTrue(status.contains("CapBnd:\t" + CAPABILITY_BITS), status);
            assertNotEquals(
                    0,
                    runc("exec", container, "test", "-w", "/proc/sys/net/ipv4/ip_forward")
                            .exitCode());
            assertNotEquals(
                    0, runc("exec", container, "test", "-e", "/dev/net/tun").exitCode());
            assertTrue(
                    weftd.output().contains("pod port packet: open /dev/net/tun: ENOENT (no such file or directory)"),
                    weftd::output);
            assertFalse(weftd.output().contains("WARNING"), weftd::output);
            PodTraffic.assertCarried(node, peer, false);
            PodTraffic.assertCarried(peer, node, false);
            runc("kill", container, "TERM");
            assertEquals(0, weftd.awaitExit(Await.TIMEOUT_MS), weftd::output);
        }
        assertFalse(node.namespace().ip("-oneline", "link", "show").contains("weft.1"));
    }
}
