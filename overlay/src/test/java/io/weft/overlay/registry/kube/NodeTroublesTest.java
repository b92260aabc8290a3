/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.registry.DeafListener;
import io.weft.overlay.registry.NodeRequests;
import io.weft.overlay.registry.kube.access.KubeAccess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code kubectl describe node} says of a node whose weftd has something to say. */
class NodeTroublesTest {
    private static final String CIDR = "10.244.1.0/24";
    private static final KubeFollower.Timing TIMING = new KubeFollower.Timing(
            Duration.ofSeconds(90), Duration.ofMillis(500), Duration.ofMinutes(30), Duration.ofMillis(1));

    @TempDir
    private Path directory = Path.of(".");

    private NodeApiServer api = newApi();
    private KubeRegistry registry = newRegistry();

    private static NodeApiServer newApi() {
        try {
            return new NodeApiServer();
        } catch (final IOException failure) {
            throw new IllegalStateException(failure);
        }
    }

    private KubeRegistry newRegistry() {
        return new KubeRegistry(
                new KubeRegistry.Settings(
                        KubeAccess.of(null, api.uri().toString(), Map.of()),
                        "flannel.alpha.coreos.com",
                        directory.resolve("net-conf.json"),
                        true,
                        Map.of("NODE_NAME", "one")),
                TIMING);
    }

    @BeforeEach
    void setUp() throws IOException {
        registry = newRegistry(); // whose directory is known by now
        Files.writeString(
                directory.resolve("net-conf.json"), "{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}");
        registry.config();
    }

    @AfterEach
    void tearDown() {
        registry.close();
        api.close();
    }

    private Lease acquire() {
        try {
            return registry.acquire(NodeRequests.of("192.168.0.1"));
        } catch (final InterruptedException stop) {
            throw new IllegalStateException(stop);
        }
    }

    private void follow() {
        api.put("one", CIDR, Map.of());
        acquire();
        registry.watch(new DeafListener());
        registry.nodeReady();
        awaitCondition("Flannel is running on this node");
    }

    private void awaitCondition(final String message) {
        Await.until(
                () -> "the condition says " + message + ": " + api.patches(),
                Await.TIMEOUT_MS,
                () -> !api.patches().isEmpty()
                        && api.patches().get(api.patches().size() - 1).contains("\"message\":\"" + message + "\""));
    }

    private void awaitTold(final String event) {
        Await.until(
                () -> event + " in " + api.told(),
                Await.TIMEOUT_MS,
                () -> api.told().contains(event));
    }

    @Test
    void shouldTellWhyTheNetworkIsUnavailableUntilItIsThere() throws Exception {
        final String cause = "node one has no pod CIDR: start kube-controller-manager with --allocate-node-cidrs,"
                + " or set spec.podCIDR";
        api.put("one", List.of(), Map.of());
        api.condition("one", "NetworkUnavailable", "True"); // as a cloud's controller says of a node without routes
        final CompletableFuture<Lease> acquired = CompletableFuture.supplyAsync(
                this::acquire,
                // one of the common pool may be in the namespace of whoever it was made for
                task -> new Thread(task, "asker").start());
        awaitTold("one WeftIsNotReady: " + cause);
        awaitCondition(cause);
        assertEquals("True", api.conditions("one").get("NetworkUnavailable"));
        api.put("one", CIDR, Map.of());
        acquired.get(Await.TIMEOUT_MS, TimeUnit.MILLISECONDS);
        registry.watch(new DeafListener());
        registry.nodeReady();
        awaitCondition("Flannel is running on this node");
        assertEquals("False", api.conditions("one").get("NetworkUnavailable"));
    }

    @Test
    void shouldTellWhatIsWrongWithANodeThatForwardsAndWhenItIsRightAgain() {
        follow();
        registry.nodeTroubles("rules: iptables is not there\nmtu: too small\n");
        awaitCondition("rules: iptables is not there; mtu: too small");
        awaitTold("one WeftIsDegraded: rules: iptables is not there; mtu: too small");
        assertEquals("False", api.conditions("one").get("NetworkUnavailable"), "pods can be wired");
        registry.nodeTroubles("");
        awaitCondition("Flannel is running on this node");
    }

    @Test
    void shouldTellOfAFailedStartOnceAndLeaveTheConditionOfANetworkThatIsThere() throws Exception {
        api.put("one", CIDR, Map.of());
        registry.nodeFailed("port 8472 is taken");
        assertEquals(List.of(), api.patches(), "whose network is there without a word of it");
        api.condition("one", "NetworkUnavailable", "True");
        registry.nodeFailed("port 8472 is taken");
        awaitCondition("port 8472 is taken");
        api.condition("one", "NetworkUnavailable", "False"); // by a daemon that runs
        final int patches = api.patches().size();
        final KubeRegistry again = newRegistry();
        again.nodeFailed("port 8472 is taken");
        again.close();
        assertEquals(patches, api.patches().size());
        assertEquals(List.of("one WeftIsNotReady: port 8472 is taken"), api.told());
        assertTrue(
                api.requests().stream()
                        .anyMatch(request -> request.startsWith("PATCH /api/v1/namespaces/default/events/one.weft-")),
                () -> api.requests().toString());
    }

    @Test
    void shouldTellOfAnAnnotationFightOnce() {
        follow();
        final int before = api.patches().size();
        final Map<String, String> own = api.annotations("one");
        for (int i = 0; i < 2; i++) {
            api.put("one", CIDR, Map.of());
            Await.until(
                    "the annotations are back",
                    Await.TIMEOUT_MS,
                    () -> api.annotations("one").equals(own));
        }
        assertEquals(2, api.patches().size() - before);
        assertEquals(1, api.told().size(), () -> api.told().toString());
        assertTrue(api.told().get(0).startsWith("one AnnotationsChanged: annotations of node one were changed"));
    }

    @Test
    void shouldGoOnWhereNobodyMayWriteEvents() {
        follow();
        api.refuse("POST", 403, 0);
        registry.nodeTroubles("rules: iptables is not there\n");
        awaitCondition("rules: iptables is not there");
        assertFalse(api.requests().stream().noneMatch(request -> request.startsWith("POST ")));
        assertEquals(List.of(), api.told());
    }

    @Test
    void shouldTellThatTheNetworkConfigurationHasChanged() throws Exception {
        follow();
        replaceConfig("{\"Network\": \"10.244.0.0/16\", \"Backend\": {\"Type\": \"vxlan\"}}");
        final String file = replaceConfig("{\"Network\":\"10.0.0.0/8\",\"Backend\":{\"Type\":\"vxlan\"}}");
        awaitTold(
                "one NetworkConfigChanged: " + file + " says something else than when weftd was started, which goes on"
                        + " as it is: start it anew (kubectl rollout restart)");
        replaceConfig("{");
        Await.until(
                () -> "a broken file is told: " + api.told(),
                Await.TIMEOUT_MS,
                () -> api.told().stream()
                        .anyMatch(told -> told.endsWith("goes on as it is, and would not start anew")));
        assertEquals(2, api.told().size(), () -> api.told().toString());
    }

    /** At once, as kubelet does it; returns its path. */
    private String replaceConfig(final String text) throws IOException {
        final Path file = directory.resolve("net-conf.json");
        Files.move(
                Files.writeString(directory.resolve("new"), text),
                file,
                StandardCopyOption.ATOMIC_MOVE,
                StandardCopyOption.REPLACE_EXISTING);
        return file.toString();
    }
}
