/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * containerd's own CNI support drives the installed plugin: a containerd of the test's own, in a node's namespace, and
 * containers of an image that holds a static busybox and nothing else.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ContainerdTest {
    private static final String IMAGE = "weft.test/busybox:1";
    private static final Path BUSYBOX = Path.of("/bin/busybox");
    private static final int IN_A_ROW = 50;
    private static final int AT_ONCE = 10;
    private static final String GATEWAY = "10.42.1.1";

    /** Prints the container's address, and fails unless the node answers. */
    private static final String SCRIPT =
            "/bin/busybox ip -4 -o addr show eth0 && /bin/busybox ping -c 1 -W 60 " + GATEWAY + " >&2";

    /** containerd's namespace, a word for a set of containers; their control groups are below a group of this name. */
    private final String containers = "weft-test-" + ProcessHandle.current().pid();

    private final NetworkNamespace node = NetworkNamespace.create("containerd");
    private Path directory;
    private Path socket;
    private BackgroundProcess containerd;

    @BeforeAll
    void startContainerd(@TempDir final Path temporary) throws IOException {
        for (final String program : List.of("containerd", "ctr", "runc", BUSYBOX.toString())) {
            Assumptions.assumeTrue(
                    0
                            == Command.tryRun(List.of("sh", "-c", "command -v " + program))
                                    .exitCode(),
                    "needs " + program + " of Debian's containerd, runc and busybox-static");
        }
        directory = temporary;
        socket = directory.resolve("c.sock");
        install();
        final Path config = Files.writeString(directory.resolve("config.toml"), """
                version = 2
                root = "%1$s/root"
                state = "%1$s/run"
                disabled_plugins = ["io.containerd.grpc.v1.cri"]
                [grpc]
                  address = "%1$s/c.sock"
                """.formatted(directory));
        // ip netns exec hides the control groups behind a /sys of its own, and runc needs them. containerd, its shims,
        // runc
        // and ctr use fixed places below /run, so that they get one of their own.
        final String mounts = "/proc/" + ProcessHandle.current().pid() + "/ns/mnt";
        final String command = "mount -t tmpfs none /run; mount -t tmpfs none /var/lib; exec containerd -c " + config;
        containerd = node.start("nsenter", "--mount=" + mounts, "unshare", "--mount", "sh", "-ec", command);
        Await.until(
                "containerd's answer",
                Await.TIMEOUT_MS,
                () -> 0 == ctr("version").exitCode());
        final Command.Result imported = ctr("image", "import", image().toString());
        assertEquals(0, imported.exitCode(), imported.toString());
    }

    private void install() throws IOException {
        Files.writeString(
                directory.resolve("subnet.env"),
                "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n");
        final Path conflist = Files.writeString(directory.resolve("own.conflist"), """
                {"name":"containerd-test","cniVersion":"1.0.0","plugins":[
                {"type":"weft-cni","subnetFile":"%1$s/subnet.env","dataDir":"%1$s/state",
                "ipam":{"dataDir":"%1$s/addresses"},"delegate":{"hairpinMode":true,"isDefaultGateway":true}},
                {"type":"portmap","capabilities":{"portMappings":true}}]}""".formatted(directory));
        final Path runtime;
        try (DirectoryStream<Path> runtimes =
                Files.newDirectoryStream(InstalledPlugin.binDir().resolve("weft-cni.d"), "[0-9]*")) {
            runtime = runtimes.iterator().next();
        }
        InstallCni.install(InstallOptions.parse(
                "--bin-dir", directory.resolve("cni/bin").toString(),
                "--conf-dir", directory.resolve("cni/net.d").toString(),
                "--conflist", conflist.toString(),
                "--runtime", runtime.toString()));
        for (final String plugin : List.of("bridge", "host-local", "portmap", "loopback")) {
            Files.createSymbolicLink(directory.resolve("cni/bin").resolve(plugin), Path.of("/usr/lib/cni", plugin));
        }
    }

    /** An image in the format of docker save: a manifest, a configuration, one layer. */
    private Path image() throws IOException {
        final Path layerRoot = Files.createDirectories(directory.resolve("layer/bin"));
        Files.copy(BUSYBOX, layerRoot.resolve("busybox"));
        final Path parts = Files.createDirectory(directory.resolve("parts"));
        final Path layer = parts.resolve("layer.tar");
        Command.run(List.of("tar", "-C", directory.resolve("layer").toString(), "-cf", layer.toString(), "bin"));
        Files.writeString(parts.resolve("config.json"), """
                {"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}""".formatted(sha256(layer)));
        Files.writeString(
                parts.resolve("manifest.json"),
                "[{\"Config\":\"config.json\",\"RepoTags\":[\"" + IMAGE + "\"],\"Layers\":[\"layer.tar\"]}]");
        final Path image = directory.resolve("image.tar");
        Command.run(List.of(
                "tar", "-C", parts.toString(), "-cf", image.toString(), "manifest.json", "config.json", "layer.tar"));
        return image;
    }

    private static String sha256(final Path file) throws IOException {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (final NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    @AfterAll
    void close() {
        node.close();
        Command.run(
                List.of("find", "/sys/fs/cgroup", "-maxdepth", "2", "-name", containers, "-exec", "rmdir", "{}", "+"));
    }

    private Command.Result ctr(final String... arguments) {
        return beside(Stream.concat(Stream.of("ctr", "-a", socket.toString(), "-n", containers), Stream.of(arguments)));
    }

    /** Runs a command where containerd is: on the node, with its /run. */
    private Command.Result beside(final Stream<String> words) {
        final String target = Long.toString(containerd.process().pid());
        return Command.tryRun(Stream.concat(Stream.of("nsenter", "--target", target, "--mount", "--net"), words)
                .toList());
    }

    /**
     * Starts a container, waits for its end, removes it. ctr looks for CNI in fixed places, so it gets a view of its own of
     * /etc and /opt.
     */
    private String run(final String id) {
        final String cni = directory.resolve("cni").toString();
        final Command.Result result = beside(Stream.of(
                "unshare",
                "--mount",
                "sh",
                "-ec",
                "mount -t tmpfs none /opt; mkdir -p /opt/cni/bin /opt/upper /opt/work\n"
                        + "mount --bind " + cni + "/bin /opt/cni/bin\n"
                        + "mount -t overlay -o lowerdir=/etc,upperdir=/opt/upper,workdir=/opt/work none /etc\n"
                        + "mkdir -p /etc/cni/net.d; mount --bind " + cni + "/net.d /etc/cni/net.d\n"
                        + "exec ctr -a " + socket + " -n " + containers + " run --rm --cni " + IMAGE + " " + id
                        + " /bin/busybox sh -c '"
                        + SCRIPT + "'"));
        assertEquals(0, result.exitCode(), id + ": " + result);
        final String output = result.output();
        final int from = output.indexOf("inet ") + "inet ".length();
        assertTrue(output.contains("inet 10.42.1."), id + ": " + result);
        return output.substring(from, output.indexOf('/', from));
    }

    private void assertNothingLeft() throws IOException {
        assertEquals("", node.ip("-o", "link", "show", "type", "veth"));
        assertEquals(List.of(), files("state"));
        assertEquals(
                List.of(),
                files("addresses/containerd-test").stream()
                        .filter(name -> name.startsWith("10."))
                        .toList());
        final String rules = node.exec("iptables", "-t", "nat", "-S");
        assertEquals(-1, rules.indexOf("10.42.1."), rules);
    }

    private List<String> files(final String name) throws IOException {
        try (Stream<Path> files = Files.list(directory.resolve(name))) {
            return files.map(file -> String.valueOf(file.getFileName())).toList();
        }
    }

    @Test
    void shouldReturnEveryAddressWhenContainersRunInARow() throws IOException {
        final List<String> addresses = new ArrayList<>();
        for (int i = 0; i < IN_A_ROW; i++) {
            addresses.add(run("row-" + i));
        }
        assertEquals(IN_A_ROW, addresses.stream().distinct().count(), addresses.toString());
        assertNothingLeft();
    }

    @Test
    void shouldReturnEveryAddressWhenContainersRunAtOnce() throws IOException {
        final ExecutorService executor = Executors.newFixedThreadPool(AT_ONCE);
        try {
            final List<CompletableFuture<String>> containers = new ArrayList<>();
            for (int i = 0; i < AT_ONCE; i++) {
                final String id = "once-" + i;
                containers.add(CompletableFuture.supplyAsync(() -> run(id), executor));
            }
            assertEquals(
                    AT_ONCE,
                    containers.stream().map(CompletableFuture::join).distinct().count());
        } finally {
            executor.shutdown();
        }
        assertNothingLeft();
    }
}
