/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.NodeRequests;
import io.weft.overlay.registry.kube.access.KubeAccess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Scanner;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Nodes followed on a real kube-apiserver, whose answers to a restart, an old version or a renewed authority no stand-in has made up. Needs
 * its programs, as {@code ./weft cluster build} makes them: {@code KUBEBUILDER_ASSETS=$PWD/target/cluster/bin}.
 */
class KubeApiServerTest {
    private static final String PREFIX = "flannel.alpha.coreos.com";

    @TempDir
    private static Path directory = Path.of(".");

    private static @Nullable KubeApiServer server;

    private KubeFollower.Timing timing = KubeFollower.Timing.USUAL;
    /** Further fields of the cluster in the kubeconfig. */
    private String way = "";

    private @Nullable KubeRegistry registry;
    private final Set<String> known = new ConcurrentSkipListSet<>();
    private final Set<String> lost = new ConcurrentSkipListSet<>();

    @BeforeAll
    static void startServer() throws IOException {
        assumeTrue(
                KubeApiServer.isInstalled(),
                "needs kube-apiserver, etcd and kubectl: ./weft cluster build, and KUBEBUILDER_ASSETS=target/cluster/bin");
        server = new KubeApiServer(directory);
        server.start();
        server.admitWeft();
        Files.writeString(
                directory.resolve("net-conf.json"), "{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}");
    }

    @AfterAll
    static void endServer() {
        if (null != server) {
            server.close();
        }
    }

    private static KubeApiServer api() {
        return Objects.requireNonNull(server);
    }

    @BeforeEach
    void setUp() throws IOException {
        api().kubectl("delete", "nodes", "--all");
        put(1);
        put(2);
    }

    @AfterEach
    void tearDown() {
        if (null != registry) {
            registry.close();
        }
    }

    /** Of the subnet 10.244.NODE.0/24. */
    private static void put(final int node) throws IOException {
        put(node, node);
    }

    private static void put(final int node, final int subnet) throws IOException {
        final String cidr = "10.244." + subnet + ".0/24";
        api().create(String.format(
                "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"node%1$d\",\"annotations\":{"
                        + "\"%2$s/kube-subnet-manager\":\"true\",\"%2$s/backend-type\":\"vxlan\","
                        + "\"%2$s/backend-data\":\"{\\\"VNI\\\":1,\\\"VtepMAC\\\":\\\"02:00:00:00:00:%1$02x\\\"}\","
                        + "\"%2$s/public-ip\":\"192.168.0.%1$d\"}},\"spec\":{\"podCIDR\":\"%3$s\",\"podCIDRs\":[\"%3$s\"]}}",
                node, PREFIX, cidr));
    }

    private Path kubeconfig(final String user) throws IOException {
        return Files.writeString(directory.resolve("weft.conf"), """
                apiVersion: v1
                kind: Config
                current-context: weft
                contexts: [{name: weft, context: {cluster: weft, user: weft}}]
                clusters: [{name: weft, cluster: {server: "%s", certificate-authority: ca.crt%s}}]
                users: [{name: weft, user: {%s}}]
                """.formatted(api().url(), way, user));
    }

    private KubeRegistry follow(final String user) throws Exception {
        final KubeRegistry made = new KubeRegistry(
                new KubeRegistry.Settings(
                        KubeAccess.of(kubeconfig(user), "", Map.of()),
                        PREFIX,
                        directory.resolve("net-conf.json"),
                        true,
                        Map.of("NODE_NAME", "node1")),
                timing);
        registry = made;
        made.config();
        made.acquire(NodeRequests.of("192.168.0.1"));
        made.watch(new Recorder());
        made.nodeReady();
        awaitKnown(2);
        return made;
    }

    private KubeRegistry follow() throws Exception {
        return follow("client-certificate: weft.crt, client-key: weft.key");
    }

    private void awaitKnown(final int subnet) {
        final String key = "10.244." + subnet + ".0-24";
        Await.until(() -> key + " in " + known, Await.TIMEOUT_MS, () -> known.contains(key));
    }

    private void awaitUnknown(final int subnet) {
        final String key = "10.244." + subnet + ".0-24";
        Await.until(() -> known + " without " + key, Await.TIMEOUT_MS, () -> !known.contains(key));
    }

    private static void awaitTrouble(final KubeRegistry registry) {
        Await.until(
                "that the server is away is told",
                Await.TIMEOUT_MS,
                () -> null != registry.status().trouble());
    }

    private static void awaitWell(final KubeRegistry registry) {
        Await.until(
                () -> "no trouble, not " + registry.status().trouble(),
                Await.TIMEOUT_MS,
                () -> null == registry.status().trouble());
    }

    private enum Outage {
        STOPPED,
        KILLED,
        FROZEN;

        void begin() {
            switch (this) {
                case STOPPED -> api().stop();
                case KILLED -> api().kill();
                case FROZEN -> api().freeze();
            }
        }

        void end() {
            if (this == FROZEN) {
                api().thaw();
            } else {
                api().start();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Outage.class)
    void shouldFollowOnAfterTheServerWasAway(final Outage outage, final TestReporter figures) throws Exception {
        if (outage == Outage.FROZEN) { // which only silence tells
            timing = new KubeFollower.Timing(
                    Duration.ofSeconds(5), Duration.ofMillis(500), Duration.ofMinutes(30), Duration.ofSeconds(10));
        }
        final KubeRegistry follower = follow();
        outage.begin();
        awaitTrouble(follower);
        outage.end();
        put(3);
        final long startNs = System.nanoTime();
        awaitKnown(3);
        figures.publishEntry(
                outage + ", ms until a new node is known",
                String.valueOf(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNs)));
        awaitWell(follower);
        assertEquals(Set.of(), lost);
    }

    @Test
    void shouldListAnewWhenTheServerNoLongerHasWhatHappenedMeanwhile() throws Exception {
        final KubeRegistry follower = follow();
        final long listsBefore = lists();
        api().kubectl("create", "configmap", "other", "--namespace=default"); // of which a watch of nodes hears nothing
        api().kill();
        api().start();
        put(3);
        awaitKnown(3);
        awaitWell(follower);
        assertEquals(Set.of(), lost);
        assertEquals(listsBefore + 1, lists(), "what is too old for a watch is listed");
    }

    private static List<String> requests(final String part) {
        try {
            return api().requests().stream()
                    .filter(request -> request.contains(part))
                    .toList();
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private static long lists() {
        return requests("\"stage\":\"RequestReceived\"").stream()
                .filter(request -> request.contains("sendInitialEvents=true") || request.contains("\"verb\":\"list\""))
                .count();
    }

    @Test
    void shouldCallByWhatIsRenewedInPlace() throws Exception {
        final KubeRegistry follower = follow();
        api().kill();
        api().renewCertificates();
        api().start();
        put(3);
        awaitKnown(3);
        awaitWell(follower);
        assertEquals(Set.of(), lost);
    }

    @Test
    void shouldCallByTheTokenThatTheFileHasNow() throws Exception {
        api().kubectl("create", "serviceaccount", "first", "--namespace=default");
        api().kubectl("create", "serviceaccount", "second", "--namespace=default");
        api().kubectl("create", "clusterrolebinding", "first", "--clusterrole=weft", "--serviceaccount=default:first");
        api().kubectl(
                        "create",
                        "clusterrolebinding",
                        "second",
                        "--clusterrole=weft",
                        "--serviceaccount=default:second");
        final Path token = directory.resolve("token");
        Files.writeString(token, api().kubectl("create", "token", "first"));
        final KubeRegistry follower = follow("tokenFile: token");
        api().kubectl("delete", "serviceaccount", "first");
        api().kill();
        api().start();
        Await.until(
                () -> String.valueOf(follower.status().trouble()),
                Await.TIMEOUT_MS,
                () -> String.valueOf(follower.status().trouble()).contains("401"));
        Files.writeString(token, api().kubectl("create", "token", "second"));
        put(3);
        awaitKnown(3);
        awaitWell(follower);
        assertEquals(Set.of(), lost);
    }

    @Test
    void shouldFollowNodesThatAreMadeAgain() throws Exception {
        follow();
        api().kubectl("delete", "node", "node2");
        awaitUnknown(2);
        put(2, 22);
        awaitKnown(22);
        api().kubectl("delete", "node", "node1");
        put(1);
        final String path = "jsonpath={.status.conditions[?(@.type==\"NetworkUnavailable\")].status}";
        Await.until(
                "the condition of the node that was made again",
                Await.TIMEOUT_MS,
                () -> "False".equals(api().kubectl("get", "node", "node1", "-o", path)));
    }

    /** Both users share a priority level that serves one request at a time and refuses others; the other user's has no end. */
    @Test
    void shouldLeaveAnOverloadedServerAloneForAsLongAsItWants() throws Exception {
        try (TunnelProxy proxy = new TunnelProxy(api().port())) {
            way = ", proxy-url: 'http://" + proxy.address() + "'";
            final KubeRegistry follower = follow();
            awaitWell(follower);
            limitToOneRequest();
            final long probes = requests("/readyz").size();
            final List<Socket> endless = new ArrayList<>(); // of which one is served
            try {
                Await.until("a refusal", Await.TIMEOUT_MS, () -> isOneServed(endless));
                proxy.cut();
                awaitTrouble(follower);
                Await.until("three refusals", Await.TIMEOUT_MS, () -> refusals().size() >= 3);
                assertTrue(String.valueOf(follower.status().trouble()).contains("429"), follower.status()::toString);
            } finally {
                for (final Socket socket : endless) {
                    socket.close();
                }
            }
            put(3);
            awaitKnown(3);
            awaitWell(follower);
            final List<Instant> times = refusals();
            for (int i = 1; i < times.size(); i++) {
                assertTrue(Duration.between(times.get(i - 1), times.get(i)).toMillis() >= 1_000, times::toString);
            }
            assertEquals(probes, requests("/readyz").size(), "whoever wants to be left alone is");
            assertEquals(Set.of(), lost);
        } finally {
            api().kubectl("delete", "flowschema,prioritylevelconfiguration", "weft");
        }
    }

    private static void limitToOneRequest() throws IOException {
        final String version =
                "{\"apiVersion\":\"flowcontrol.apiserver.k8s.io/v1\",\"metadata\":{\"name\":\"weft\"},\"kind\":";
        api().create(version + "\"PriorityLevelConfiguration\",\"spec\":{\"type\":\"Limited\",\"limited\":{"
                + "\"nominalConcurrencyShares\":0,\"lendablePercent\":0,\"borrowingLimitPercent\":0,"
                + "\"limitResponse\":{\"type\":\"Reject\"}}}}");
        api().create(version + "\"FlowSchema\",\"spec\":{\"matchingPrecedence\":2,"
                + "\"priorityLevelConfiguration\":{\"name\":\"weft\"},\"rules\":[{\"subjects\":["
                + "{\"kind\":\"User\",\"user\":{\"name\":\"weft\"}},{\"kind\":\"User\",\"user\":{\"name\":\"other\"}}],"
                + "\"resourceRules\":[{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"],"
                + "\"clusterScope\":true,\"namespaces\":[\"*\"]}]}]}}");
        final String uid = api().kubectl("get", "flowschema", "weft", "-o", "jsonpath={.metadata.uid}");
        Await.until("that it is in force", Await.TIMEOUT_MS, () -> {
            try {
                return head("GET /api/v1/nodes/node1").contains(uid);
            } catch (final IOException failure) {
                throw new UncheckedIOException(failure);
            }
        });
    }

    /** Begins another request whose body does not come. */
    private static boolean isOneServed(final List<Socket> endless) {
        try {
            endless.add(api().connect(
                            "POST /api/v1/namespaces/default/events",
                            "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"));
            return head("GET /api/v1/nodes/node1").contains("HTTP/1.1 429 ");
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /** Of the answer to the other user. */
    private static String head(final String request) throws IOException {
        try (Socket socket = api().connect(request, "\r\n");
                Scanner answer = new Scanner(socket.getInputStream(), StandardCharsets.UTF_8)) {
            return answer.useDelimiter("\r\n\r\n").next();
        }
    }

    /** When weft's requests came that were refused as too many. */
    private static List<Instant> refusals() {
        final Pattern time = Pattern.compile("\"requestReceivedTimestamp\":\"([^\"]*)\"");
        return requests("\"code\":429").stream()
                .filter(request -> request.contains("\"stage\":\"ResponseComplete\""))
                .map(time::matcher)
                .filter(Matcher::find)
                .map(matcher -> Instant.parse(matcher.group(1)))
                .toList();
    }

    private final class Recorder implements LeaseListener {
        @Override
        public void onSnapshot(final List<Lease> leases) {
            final Set<String> keys = new ConcurrentSkipListSet<>();
            leases.forEach(lease -> keys.add(lease.key().toString()));
            known.stream().filter(key -> !keys.contains(key)).forEach(lost::add);
            known.retainAll(keys);
            known.addAll(keys);
        }

        @Override
        public void onPut(final Lease lease) {
            known.add(lease.key().toString());
        }

        @Override
        public void onRemove(final LeaseKey key) {
            lost.add(key.toString());
            known.remove(key.toString());
        }

        @Override
        public void onRestartNeeded(final String why) {
            lost.add(why);
        }
    }
}
