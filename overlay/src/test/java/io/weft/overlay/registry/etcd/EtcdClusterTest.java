/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.Command;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.NodeRequests;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Three members of a real etcd, of which some go. */
class EtcdClusterTest {
    private static final String PREFIX = "/coreos.com/network";
    private static final String OTHER = "{\"PublicIP\":\"192.168.0.9\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
            + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:09\"}}";
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;

    @TempDir
    private Path directory = Path.of(".");

    private final List<EtcdServer> members = new ArrayList<>();
    private final List<String> peers = new ArrayList<>();
    private final Set<String> known = ConcurrentHashMap.newKeySet();

    @BeforeEach
    void setUp() throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        for (final String name : List.of("a", "b", "c")) {
            peers.add(name + "=" + peerUrl());
        }
        // Each is ready when most of them are there, so each has a thread: the common pool has one on two cores (JDK
        // 25).
        final List<CompletableFuture<EtcdServer>> starting = peers.stream()
                .map(peer -> CompletableFuture.supplyAsync(
                        () -> member(peer, "new"), task -> new Thread(task, "etcd-" + peer).start()))
                .toList();
        for (final CompletableFuture<EtcdServer> member : starting) {
            members.add(member.get());
        }
        awaitDone(
                members.get(0),
                "put",
                PREFIX + "/config",
                "{\"Network\":\"10.5.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}");
    }

    @AfterEach
    void tearDown() {
        members.forEach(EtcdServer::close);
    }

    private static String peerUrl() throws IOException {
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return "http://127.0.0.1:" + free.getLocalPort();
        }
    }

    /** @param peer its name and URL, {@code a=http://127.0.0.1:2380}. */
    private EtcdServer member(final String peer, final String state) {
        final String name = peer.substring(0, 1);
        final String url = peer.substring(2);
        try {
            return new EtcdServer(
                    Files.createDirectory(directory.resolve(name)),
                    List.of(
                            "--name=" + name,
                            "--listen-peer-urls=" + url,
                            "--initial-advertise-peer-urls=" + url,
                            "--initial-cluster=" + String.join(",", peers),
                            "--initial-cluster-state=" + state));
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /** A cluster that loses a member refuses at first: it elects a leader, or does not yet trust those that are left. */
    private static void awaitDone(final EtcdServer member, final String... words) {
        Await.until(
                () -> "etcdctl " + String.join(" ", words),
                TIMEOUT_MS,
                () -> 0 == Command.tryRun(member.command(words)).exitCode());
    }

    private void awaitFollowed(final EtcdServer member, final int subnet) {
        final String key = "10.5." + subnet + ".0-24";
        awaitDone(member, "put", PREFIX + "/subnets/" + key, OTHER);
        Await.until(() -> key + " in " + known, TIMEOUT_MS, () -> known.contains(key));
    }

    @Test
    void shouldFollowOnWhenMembersAreGoneAndReplaced() throws Exception {
        final String endpoints =
                String.join(",", members.stream().map(EtcdServer::endpoint).toList());
        try (EtcdRegistry registry =
                new EtcdRegistry(new EtcdRegistry.Settings(endpoints, null, null, null, "", "", PREFIX, 3600))) {
            registry.config();
            final Lease own = registry.acquire(NodeRequests.of("192.168.0.1"));
            registry.watch(new Recorder());
            final EtcdServer last = members.get(2);
            awaitFollowed(last, 200);

            members.get(0).kill();
            awaitFollowed(last, 201);

            awaitDone(last, "member", "remove", memberId(last, "a"));
            final String fresh = "d=" + peerUrl();
            awaitDone(last, "member", "add", "d", "--peer-urls=" + fresh.substring(2)); // once connected for 5 s
            peers.set(0, fresh);
            members.set(0, member(fresh, "existing"));
            awaitFollowed(last, 202);

            members.get(0).signal("STOP");
            members.get(1).signal("STOP");
            Await.until(
                    "that there is no leader is told",
                    TIMEOUT_MS,
                    () -> null != registry.status().trouble());
            assertTrue(known.contains("10.5.202.0-24"), "what was known stays");
            members.get(0).signal("CONT");
            members.get(1).signal("CONT");
            Await.until(
                    () -> String.valueOf(registry.status().trouble()),
                    TIMEOUT_MS,
                    () -> null == registry.status().trouble());
            awaitFollowed(last, 203);
            assertTrue(known.contains(own.key().toString()));
        }
    }

    /** The first column of a line such as {@code 8211f1d0f64f3269, started, a, http://..., http://..., false}. */
    private static String memberId(final EtcdServer asked, final String name) {
        return asked.ctl("member", "list")
                .lines()
                .filter(line -> line.contains(", " + name + ", "))
                .map(line -> line.substring(0, line.indexOf(',')))
                .findFirst()
                .orElseThrow();
    }

    private final class Recorder implements LeaseListener {
        @Override
        public void onSnapshot(final List<Lease> leases) {
            leases.forEach(this::onPut);
        }

        @Override
        public void onPut(final Lease lease) {
            known.add(lease.key().toString());
        }

        @Override
        public void onRemove(final LeaseKey key) {
            known.remove(key.toString());
        }

        @Override
        public void onRestartNeeded(final String why) {
            known.add(why);
        }
    }
}
