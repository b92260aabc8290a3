/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.NodeRequests;
import io.weft.overlay.registry.PublicAddresses;
import io.weft.overlay.registry.Registry;
import io.weft.overlay.registry.known.KnownLeasesFile;
import io.weft.overlay.registry.known.KnownRegistry;
import io.weft.overlay.registry.kube.access.KubeAccess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node that starts while the Kubernetes API lets nobody in. */
class KnownNodesTest {
    private static final String PREFIX = "flannel.alpha.coreos.com";

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();
    private final Recorder recorder = new Recorder();
    private @Nullable NodeApiServer server;

    private static final class Recorder implements LeaseListener {
        private final Set<LeaseKey> known = ConcurrentHashMap.newKeySet();
        private final CountDownLatch restart = new CountDownLatch(1);

        @Override
        public void onSnapshot(final List<Lease> leases) {
            known.clear();
            leases.forEach(this::onPut);
        }

        @Override
        public void onPut(final Lease lease) {
            known.add(lease.key());
        }

        @Override
        public void onRemove(final LeaseKey key) {
            known.remove(key);
        }

        @Override
        public void onRestartNeeded(final String why) {
            restart.countDown();
        }
    }

    @BeforeEach
    void setUp() throws Exception {
        server = resources.add(new NodeApiServer());
        Files.writeString(
                directory.resolve("net-conf.json"), "{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}");
        api().put("one", "10.244.1.0/24", Map.of());
        api().put("two", "10.244.2.0/24", annotations(2));
        final Registry first = registry();
        final Lease own = acquire(first);
        first.watch(recorder);
        awaitKnown(Set.of(own.key(), LeaseKey.parse("10.244.2.0-24")));
        first.close(); // which has what it knows written, on a thread that it does not wait for for long
        Await.until(
                () -> "what it knows is written: " + files(),
                Await.TIMEOUT_MS,
                () -> 1 == files().size() && files().get(0).startsWith("leases-"));
        recorder.known.clear();
        api().requireToken("another");
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private NodeApiServer api() {
        return Objects.requireNonNull(server);
    }

    private Registry registry() {
        return resources.add(new KnownRegistry(
                new KubeRegistry(new KubeRegistry.Settings(
                        KubeAccess.of(null, api().uri().toString(), Map.of()),
                        PREFIX,
                        directory.resolve("net-conf.json"),
                        true,
                        Map.of("NODE_NAME", "one"))),
                new KnownLeasesFile(directory.resolve("state"), "kube one", false)));
    }

    private static Lease acquire(final Registry registry) throws InterruptedException {
        registry.config();
        registry.publicAddresses();
        return registry.acquire(NodeRequests.of("192.168.0.1"));
    }

    private static Map<String, String> annotations(final int node) {
        return Map.of(
                PREFIX + "/kube-subnet-manager",
                "true",
                PREFIX + "/backend-type",
                "vxlan",
                PREFIX + "/backend-data",
                "{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:0" + node + "\"}",
                PREFIX + "/public-ip",
                "192.168.0." + node);
    }

    private void awaitKnown(final Set<LeaseKey> keys) {
        Await.until(() -> keys + " is not " + recorder.known, Await.TIMEOUT_MS, () -> keys.equals(recorder.known));
    }

    @Test
    void shouldBeginWithTheNodesKnownBeforeAndFollowTheApiWhenItAnswers() throws Exception {
        api().put("three", "10.244.3.0/24", annotations(3));
        final Registry registry = registry();
        final Lease own = acquire(registry);
        registry.watch(recorder);
        awaitKnown(Set.of(own.key(), LeaseKey.parse("10.244.2.0-24")));
        assertTrue(registry.status().isLost());
        registry.nodeReady();
        api().requireToken("");
        awaitKnown(Set.of(own.key(), LeaseKey.parse("10.244.2.0-24"), LeaseKey.parse("10.244.3.0-24")));
        Await.until(
                "the node's condition",
                Await.TIMEOUT_MS,
                () -> api().patches().stream().anyMatch(patch -> patch.contains("NetworkUnavailable")));
        assertEquals(1, recorder.restart.getCount());
    }

    /** As where lists are too much for a server that answers all else. */
    @Test
    void shouldGoOnWithTheNodesKnownBeforeUntilAllAreListed() throws Exception {
        api().put("three", "10.244.3.0/24", annotations(3));
        api().requireToken("");
        api().holdLists();
        final Registry registry = registry();
        final Lease own = acquire(registry);
        registry.watch(recorder);
        awaitKnown(Set.of(own.key(), LeaseKey.parse("10.244.2.0-24")));
        api().answerLists();
        awaitKnown(Set.of(own.key(), LeaseKey.parse("10.244.2.0-24"), LeaseKey.parse("10.244.3.0-24")));
        assertEquals(1, recorder.restart.getCount());
    }

    @Test
    void shouldKnowTheAddressThatWasWrittenOnTheNode() throws Exception {
        api().requireToken("");
        api().put("one", "10.244.1.0/24", Map.of(PREFIX + "/node-public-ip", "192.168.0.1"));
        api().put("three", "10.244.3.0/24", annotations(3)); // who is known by a list alone
        final Registry second = registry();
        acquire(second);
        second.watch(recorder);
        awaitKnown(Set.of(
                LeaseKey.parse("10.244.1.0-24"), LeaseKey.parse("10.244.2.0-24"), LeaseKey.parse("10.244.3.0-24")));
        second.close();
        Await.until(
                "what it knows is written",
                Await.TIMEOUT_MS,
                () -> text().contains("\"nodePublicIP\":\"192.168.0.1\""));
        api().requireToken("another");
        final Registry third = registry();
        third.config();
        assertEquals(new PublicAddresses("192.168.0.1", ""), third.publicAddresses());
    }

    @Test
    void shouldSetTheNodeUpAnewWhenItsAddressWasWrittenWhileNobodyFollowed() throws Exception {
        final Map<String, String> annotations = new HashMap<>(api().annotations("one"));
        annotations.put(PREFIX + "/node-public-ip", "203.0.113.7");
        api().put("one", "10.244.1.0/24", annotations);
        final Registry registry = registry();
        acquire(registry);
        registry.watch(recorder);
        api().requireToken("");
        assertTrue(recorder.restart.await(Await.TIMEOUT_MS, TimeUnit.MILLISECONDS));
    }

    /** A node that begins while nobody is let in, and is to be set up anew when the API answers. */
    private void beginByWhatWasKnownAndForget() throws Exception {
        final Registry registry = registry();
        assertEquals("10.244.1.0-24", acquire(registry).key().toString());
        registry.watch(recorder);
        api().requireToken("");
        assertTrue(recorder.restart.await(Await.TIMEOUT_MS, TimeUnit.MILLISECONDS));
        registry.close();
        Await.until(() -> "what it knew is forgotten: " + files(), Await.TIMEOUT_MS, () -> files().isEmpty());
    }

    @Test
    void shouldSetTheNodeUpAnewAndForgetWhenItsPodCidrIsAnother() throws Exception {
        api().put("one", "10.244.7.0/24", Map.of());
        beginByWhatWasKnownAndForget();
        assertEquals("10.244.7.0-24", acquire(registry()).key().toString());
    }

    /** Whose pod CIDR was given back, so that another node may have it: as one that was deleted and made again. */
    @Test
    void shouldWaitForAPodCidrWhenItsNodeHasNoneAnyMore() throws Exception {
        api().requireToken("");
        api().put("one", "", Map.of());
        assertEquals("10.244.7.0-24", acquireOnceRefused(" has no pod CIDR"));
    }

    @Test
    void shouldWaitForItsNodeWhenThereIsNoneAnyMore() throws Exception {
        api().requireToken("");
        api().remove("one");
        assertEquals("10.244.7.0-24", acquireOnceRefused(" has no node one"));
    }

    /** What it takes for its own when the API has said this, and then gives it another pod CIDR. */
    private String acquireOnceRefused(final String refusal) throws Exception {
        final Registry registry = registry();
        final FutureTask<Lease> acquired = new FutureTask<>(() -> acquire(registry));
        new Thread(acquired, "acquire").start();
        Await.until(
                () -> "not refused but " + registry.status().loss() + ", acquired: " + acquired.isDone(),
                Await.TIMEOUT_MS,
                () -> String.valueOf(registry.status().loss()).contains(refusal) || acquired.isDone());
        api().put("one", "10.244.7.0/24", Map.of());
        return acquired.get(Await.TIMEOUT_MS, TimeUnit.MILLISECONDS).key().toString();
    }

    @Test
    void shouldSetTheNodeUpAnewWhenTheApiIsBackAndItsNodeHasNoPodCidr() throws Exception {
        api().put("one", "", Map.of());
        beginByWhatWasKnownAndForget();
    }

    private String text() {
        try {
            return Files.readString(directory.resolve("state").resolve(files().get(0)));
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private List<String> files() {
        final String[] names = directory.resolve("state").toFile().list();
        return null == names ? List.of() : List.of(names); // the directory is made with the first file
    }
}
