/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.Certificates;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.NodeRequest;
import io.weft.overlay.registry.NodeRequests;
import io.weft.overlay.registry.PublicAddresses;
import io.weft.overlay.registry.RegistryException;
import io.weft.overlay.registry.kube.access.KubeAccess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class KubeRegistryTest {
    private static final String PREFIX = "flannel.alpha.coreos.com";
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;

    @TempDir
    private Path directory = Path.of(".");

    private @Nullable NodeApiServer server;
    private final List<KubeRegistry> registries = new ArrayList<>();
    private final Map<String, String> known = new ConcurrentSkipListMap<>();
    private final CountDownLatch restart = new CountDownLatch(1);

    @BeforeEach
    void setUp() throws IOException {
        server = new NodeApiServer();
        Files.writeString(
                directory.resolve("net-conf.json"), "{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}");
        api().put("one", "10.244.1.0/24", Map.of());
    }

    @AfterEach
    void tearDown() {
        registries.forEach(KubeRegistry::close);
        api().close();
    }

    private NodeApiServer api() {
        return Objects.requireNonNull(server);
    }

    private KubeRegistry registry() {
        return registry(KubeAccess.of(null, api().uri().toString(), Map.of()));
    }

    private KubeRegistry registry(final KubeAccess access) {
        return registry(access, Map.of("NODE_NAME", "one"));
    }

    private KubeRegistry registry(final KubeAccess access, final Map<String, String> environment) {
        final KubeRegistry registry = new KubeRegistry(
                new KubeRegistry.Settings(access, PREFIX, directory.resolve("net-conf.json"), true, environment));
        registries.add(registry);
        return registry;
    }

    private static NodeRequest request() {
        return NodeRequests.of("192.168.0.1");
    }

    private KubeRegistry follow() throws InterruptedException {
        return follow(registry());
    }

    private KubeRegistry follow(final KubeRegistry registry) throws InterruptedException {
        registry.config();
        final Lease own = registry.acquire(request());
        registry.watch(new Recorder());
        awaitKnown(own.key().toString(), own.attributes().json());
        return registry;
    }

    private static Map<String, String> annotations(final int node, final String mac) {
        return Map.of(
                PREFIX + "/kube-subnet-manager",
                "true",
                PREFIX + "/backend-type",
                "vxlan",
                PREFIX + "/backend-data",
                "{\"VNI\":1,\"VtepMAC\":\"" + mac + "\"}",
                PREFIX + "/public-ip",
                "192.168.0." + node);
    }

    private static String value(final int node, final String mac) {
        return "{\"PublicIP\":\"192.168.0." + node + "\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
                + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + mac + "\"}}";
    }

    /** By what is there: the size may lag behind it. */
    private void assertKnown(final int count) {
        final Set<String> keys = Set.copyOf(known.keySet());
        assertEquals(count, keys.size(), keys::toString);
    }

    private void awaitKnown(final String key, final @Nullable String value) {
        Await.until(
                () -> key + " is not " + value + ": " + known,
                TIMEOUT_MS,
                () -> null == value ? !known.containsKey(key) : value.equals(known.get(key)));
    }

    @Test
    void shouldWriteFlannelsAnnotations() throws Exception {
        final KubeRegistry registry = registry();
        registry.config();
        final Lease own = registry.acquire(request());
        assertEquals("10.244.1.0-24", own.key().toString());
        final String data = Objects.requireNonNull(own.attributes().vtep()).json();
        assertEquals(
                Map.of(
                        PREFIX + "/kube-subnet-manager", "true",
                        PREFIX + "/backend-type", "vxlan",
                        PREFIX + "/backend-data", data,
                        PREFIX + "/public-ip", "192.168.0.1"),
                api().annotations("one"));
        final KubeRegistry again = registry();
        again.config();
        assertEquals(own, again.acquire(request()), "the MAC stays");
        assertEquals(1, api().patches().size(), "nothing is written that is there");
    }

    @Test
    void shouldAnnounceTheAddressThatAnAdministratorWrote() throws Exception {
        api().put("one", "10.244.1.0/24", Map.of(PREFIX + "/public-ip-overwrite", "203.0.113.7"));
        final KubeRegistry registry = registry();
        registry.config();
        registry.acquire(request());
        assertEquals("203.0.113.7", api().annotations("one").get(PREFIX + "/public-ip"));
    }

    @Test
    void shouldTakeAnEmptyOverwriteForNone() throws Exception {
        api().put(
                        "one",
                        "10.244.1.0/24",
                        Map.of(PREFIX + "/public-ip-overwrite", "", PREFIX + "/public-ipv6-overwrite", ""));
        final KubeRegistry registry = registry();
        registry.config();
        registry.acquire(request());
        assertEquals("192.168.0.1", api().annotations("one").get(PREFIX + "/public-ip"));
    }

    @ParameterizedTest
    @CsvSource({
        "/public-ip-overwrite,2001:db8::7",
        "/public-ipv6-overwrite,203.0.113.7",
        "/public-ipv6-overwrite,garbage"
    })
    void shouldNameTheOverwriteThatIsWrong(final String annotation, final String address) {
        api().put("one", "10.244.1.0/24", Map.of(PREFIX + annotation, address));
        final KubeRegistry registry = registry();
        registry.config();
        final RegistryException failure = assertThrows(RegistryException.class, () -> registry.acquire(request()));
        assertTrue(
                String.valueOf(failure.getMessage()).startsWith("node one: annotation " + PREFIX + annotation + ": "),
                failure::getMessage);
    }

    @Test
    void shouldAskForARestartWhenTheAddressIsWrittenBetweenSetUpAndWatch() throws Exception {
        final KubeRegistry registry = registry();
        registry.config();
        registry.publicAddresses();
        registry.acquire(request());
        final Map<String, String> annotations = new HashMap<>(api().annotations("one"));
        annotations.put(PREFIX + "/node-public-ip", "203.0.113.7");
        api().put("one", "10.244.1.0/24", annotations);
        registry.watch(new Recorder());
        assertTrue(restart.await(TIMEOUT_MS, TimeUnit.MILLISECONDS), "a restart is asked for");
    }

    @Test
    void shouldFollowNodesThatComeChangeAndGo() throws Exception {
        follow();
        api().put("two", "10.244.2.0/24", annotations(2, "02:00:00:00:00:02"));
        awaitKnown("10.244.2.0-24", value(2, "02:00:00:00:00:02"));
        api().put("two", "10.244.2.0/24", annotations(2, "02:00:00:00:00:22"));
        awaitKnown("10.244.2.0-24", value(2, "02:00:00:00:00:22"));
        api().put("two", "10.244.3.0/24", annotations(2, "02:00:00:00:00:22"));
        awaitKnown("10.244.3.0-24", value(2, "02:00:00:00:00:22"));
        awaitKnown("10.244.2.0-24", null);
        api().remove("two");
        awaitKnown("10.244.3.0-24", null);
    }

    @Test
    void shouldCompareAnewWhenHistoryIsGone() throws Exception {
        follow();
        api().put("two", "10.244.2.0/24", annotations(2, "02:00:00:00:00:02"));
        awaitKnown("10.244.2.0-24", value(2, "02:00:00:00:00:02"));
        api().restart();
        api().put("three", "10.244.3.0/24", annotations(3, "02:00:00:00:00:03"));
        api().remove("two");
        awaitKnown("10.244.3.0-24", value(3, "02:00:00:00:00:03"));
        awaitKnown("10.244.2.0-24", null);
    }

    /** With a token that is renewed while it is used, as the kubelet does it. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldShowCertificateAndTokenOfAKubeconfig(final boolean isInline) throws Exception {
        final Certificates certificates = new Certificates(directory);
        certificates.issue("server");
        certificates.issueElliptic("client");
        api().close();
        server = new NodeApiServer(certificates.tls("server").context());
        api().put("one", "10.244.1.0/24", Map.of());
        api().requireToken("first");
        final Path token = Files.writeString(directory.resolve("token"), "first\n");
        final String kubeconfig = "{'kind':'Config','apiVersion':'v1','current-context':'c',"
                + "'contexts':[{'name':'other','context':{}},{'name':'c','context':{'cluster':'k','user':'u'}}],"
                + "'clusters':[{'name':'k','cluster':{'server':'" + api().uri() + "',"
                + credential(certificates, isInline, "certificate-authority", "ca.crt") + "}}],"
                + "'users':[{'name':'u','user':{'tokenFile':'" + token + "',"
                + credential(certificates, isInline, "client-certificate", "client.crt") + ','
                + credential(certificates, isInline, "client-key", "client.key") + "}}]}";
        final Path file = Files.writeString(directory.resolve("kubeconfig"), kubeconfig.replace('\'', '"'));
        final KubeRegistry registry = follow(registry(KubeAccess.of(file, "", Map.of())));
        api().requireToken("second");
        api().restart();
        awaitTrouble(registry, "with 401");
        Files.writeString(token, "second\n");
        api().put("two", "10.244.2.0/24", annotations(2, "02:00:00:00:00:02"));
        awaitKnown("10.244.2.0-24", value(2, "02:00:00:00:00:02"));
    }

    private static String credential(
            final Certificates certificates, final boolean isInline, final String key, final String file) {
        return isInline
                ? "'" + key + "-data':'" + Base64.getEncoder().encodeToString(certificates.bytes(file)) + "'"
                : "'" + key + "':'" + certificates.file(file) + "'";
    }

    @ParameterizedTest
    @EnumSource(NodeApiServer.StreamingLists.class)
    void shouldListOnceByTheServersWatchCacheAndThenWatch(final NodeApiServer.StreamingLists way) throws Exception {
        api().streamLists(way);
        for (int i = 2; i < 252; i++) {
            api().put("node" + i, "10.244." + i + ".0/24", annotations(i, String.format("02:00:00:00:00:%02x", i)));
        }
        follow();
        Await.until(() -> "known: " + known.size(), TIMEOUT_MS, () -> 251 == known.size());
        api().remove("node251");
        Await.until(() -> "known: " + known.size(), TIMEOUT_MS, () -> 250 == known.size());
        final List<String> lists = api().requests().stream()
                .filter(request -> request.contains("/nodes?") && !request.contains("watch"))
                .toList();
        assertEquals(
                NodeApiServer.StreamingLists.GIVEN == way ? List.of() : List.of("GET /api/v1/nodes?resourceVersion=0"),
                lists);
    }

    @Test
    void shouldIgnoreGarbageAndForeignNodes() throws Exception {
        final KubeRegistry registry = follow();
        api().put("foreign", "10.244.8.0/24", Map.of());
        api().put(
                        "garbage",
                        "10.244.9.0/24",
                        Map.of(
                                PREFIX + "/kube-subnet-manager", "true",
                                PREFIX + "/backend-type", "vxlan",
                                PREFIX + "/backend-data", "{\"VtepMAC\":",
                                PREFIX + "/public-ip", "192.168.0.9"));
        api().put("two", "10.244.2.0/24", annotations(2, "02:00:00:00:00:02"));
        awaitKnown("10.244.2.0-24", value(2, "02:00:00:00:00:02"));
        assertKnown(2);
        assertEquals(1, registry.status().refusals());
    }

    @Test
    void shouldNameEachBadNodeOnceAndGoOn() throws Exception {
        final KubeRegistry registry = follow();
        final Map<String, String> good = annotations(9, "02:00:00:00:00:09");
        for (int i = 0; i < 2; i++) {
            api().put("cidr", "10.244.9.0/99", good);
            api().put("address", "10.244.10.0/24", with(good, "/public-ip", "fd00::1"));
            api().put("none", "10.244.11.0/24", Map.of(PREFIX + "/kube-subnet-manager", "true"));
            api().put(
                            "long",
                            "10.244.12.0/24",
                            with(good, "/backend-data", "{\"VtepMAC\":\"" + "x".repeat(1 << 20) + "\"}"));
            api().put("two", "10.244.2.0/24", annotations(2, "02:00:00:00:00:0" + (2 + i))); // comes after them
            awaitKnown("10.244.2.0-24", value(2, "02:00:00:00:00:0" + (2 + i)));
        }
        assertKnown(2);
        assertEquals(4, registry.status().refusals());
    }

    @Test
    void shouldGoOnWhenItsOwnPodCidrBecomesGarbage() throws Exception {
        final KubeRegistry registry = follow();
        api().put("one", "10.244.1.0/99", api().annotations("one"));
        awaitTrouble(registry, "node one: its pod CIDR is no subnet");
        api().put("two", "10.244.2.0/24", annotations(2, "02:00:00:00:00:02"));
        awaitKnown("10.244.2.0-24", value(2, "02:00:00:00:00:02"));
        api().put("one", "10.244.1.0/24", api().annotations("one"));
        Await.until(
                "all is well again", TIMEOUT_MS, () -> null == registry.status().trouble());
    }

    private static Map<String, String> with(
            final Map<String, String> annotations, final String name, final String value) {
        final Map<String, String> changed = new HashMap<>(annotations);
        changed.put(PREFIX + name, value);
        return changed;
    }

    @Test
    void shouldPutItsAnnotationsBackWhenSomebodyChangesThem() throws Exception {
        follow();
        final Map<String, String> own = api().annotations("one");
        api().put("one", "10.244.1.0/24", Map.of());
        Await.until("the annotations are back", TIMEOUT_MS, () -> own.equals(api().annotations("one")));
    }

    @Test
    void shouldAskForARestartWhenItsPodCidrChanges() throws Exception {
        follow();
        api().put("one", "10.244.77.0/24", api().annotations("one"));
        assertTrue(restart.await(TIMEOUT_MS, TimeUnit.MILLISECONDS), "a restart is asked for");
    }

    @Test
    void shouldSetTheConditionWhenTheNodeIsReady() throws Exception {
        follow().nodeReady();
        Await.until(
                () -> api().patches().toString(),
                TIMEOUT_MS,
                () -> api().patches().toString().contains("\"type\":\"NetworkUnavailable\",\"status\":\"False\""));
    }

    @Test
    void shouldKeepTheConditionForTheWholeLifeOfTheNode() throws Exception {
        final KubeRegistry registry = follow();
        api().condition("one", "NetworkUnavailable", "True");
        registry.nodeReady();
        awaitCondition();
        api().condition("one", "NetworkUnavailable", "True");
        awaitCondition();
        final Map<String, String> own = api().annotations("one");
        api().remove("one");
        api().put("one", "10.244.1.0/24", Map.of());
        awaitCondition();
        Await.until("the annotations are back", TIMEOUT_MS, () -> own.equals(api().annotations("one")));
    }

    private void awaitCondition() {
        Await.until(
                () -> "the condition is " + api().conditions("one"),
                TIMEOUT_MS,
                () -> "False".equals(api().conditions("one").get("NetworkUnavailable")));
    }

    @Test
    void shouldTellTheAddressesThatAreWrittenOnItsNode() throws Exception {
        final KubeRegistry registry = registry();
        assertEquals(PublicAddresses.NONE, registry.publicAddresses());
        api().put(
                        "one",
                        "10.244.1.0/24",
                        Map.of(PREFIX + "/node-public-ip", "203.0.113.7", PREFIX + "/node-public-ipv6", "2001:DB8::7"));
        assertEquals(new PublicAddresses("203.0.113.7", "2001:db8::7"), registry.publicAddresses());
        api().put("one", "10.244.1.0/24", Map.of(PREFIX + "/node-public-ip", "2001:db8::7"));
        final RegistryException failure = assertThrows(RegistryException.class, registry::publicAddresses);
        assertTrue(
                String.valueOf(failure.getMessage()).startsWith("node one: annotation " + PREFIX + "/node-public-ip: "),
                failure::getMessage);
    }

    @Test
    void shouldAskForARestartWhenTheAddressThatIsWrittenChanges() throws Exception {
        follow();
        final Map<String, String> annotations = new HashMap<>(api().annotations("one"));
        annotations.put(PREFIX + "/node-public-ip", "203.0.113.7");
        api().put("one", "10.244.1.0/24", annotations);
        assertTrue(restart.await(TIMEOUT_MS, TimeUnit.MILLISECONDS), "a restart is asked for");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "203.0.113.9"})
    void shouldAskForARestartWhenTheAddressThatItAnnouncesChanges(final String changed) throws Exception {
        api().put("one", "10.244.1.0/24", Map.of(PREFIX + "/public-ip-overwrite", "203.0.113.7"));
        follow();
        final Map<String, String> own = api().annotations("one");
        api().put("one", "10.244.1.0/24", with(own, "/public-ip-overwrite", "garbage")); // on the way to what is meant
        api().put("one", "10.244.1.0/24", with(own, "/public-ip-overwrite", changed));
        assertTrue(restart.await(TIMEOUT_MS, TimeUnit.MILLISECONDS), "a restart is asked for");
    }

    @Test
    void shouldTellThatItsNodeIsDeletedOrHasNoPodCidrAnyMore() throws Exception {
        api().put("one", "10.244.1.0/24", Map.of(PREFIX + "/public-ip-overwrite", "203.0.113.7"));
        final KubeRegistry registry = follow();
        final Map<String, String> before = api().annotations("one");
        api().remove("one");
        awaitTrouble(registry, "the Kubernetes API has no node one any more");
        api().put("two", "10.244.2.0/24", annotations(2, "02:00:00:00:00:02"));
        awaitKnown("10.244.2.0-24", value(2, "02:00:00:00:00:02"));
        api().put("one", List.of(), Map.of());
        awaitTrouble(registry, "node one has no pod CIDR any more");
        api().put("one", "10.244.1.0/24", before);
        Await.until(
                "all is well again", TIMEOUT_MS, () -> null == registry.status().trouble());
        assertEquals(1, restart.getCount(), "nothing was to be taken down");
    }

    @Test
    void shouldTellThatItsNodeWasDeletedWhileNobodyFollowed() throws Exception {
        final KubeRegistry registry = registry();
        registry.config();
        registry.acquire(request());
        api().remove("one");
        registry.watch(new Recorder());
        awaitTrouble(registry, "the Kubernetes API has no node one any more");
    }

    private static void awaitTrouble(final KubeRegistry registry, final String words) {
        Await.until(
                () -> String.valueOf(registry.status().trouble()),
                TIMEOUT_MS,
                () -> String.valueOf(registry.status().trouble()).contains(words));
    }

    @Test
    void shouldAskForARestartWhenItGetsASecondPodCidr() throws Exception {
        follow();
        api().put("one", List.of("10.244.1.0/24", "fd00:1::/64"), api().annotations("one"));
        assertTrue(restart.await(TIMEOUT_MS, TimeUnit.MILLISECONDS), "a restart is asked for");
    }

    @ParameterizedTest
    @CsvSource({
        "10.96.1.0/24, pod CIDR 10.96.1.0/24 of node one is not in Network",
        "fd00:1::/64, node one has the pod CIDR fd00:1::/64 alone"
    })
    void shouldNameNetworkAndPodCidrWhenTheyDoNotFit(final String cidr, final String words) {
        api().put("one", cidr, Map.of());
        final KubeRegistry registry = registry();
        registry.config();
        final RegistryException failure = assertThrows(RegistryException.class, () -> registry.acquire(request()));
        assertTrue(String.valueOf(failure.getMessage()).startsWith(words), failure::getMessage);
    }

    /** As a manifest sets them whose fieldRef is left out. */
    @ParameterizedTest
    @CsvSource({"'', weft", "weft-x7k2p, ''", "'', ''"})
    @Timeout(value = TIMEOUT_MS, unit = TimeUnit.MILLISECONDS) // a name that is none would be asked for without end
    void shouldTakeAnEmptyNameForNone(final String pod, final String namespace) {
        final KubeRegistry registry = registry(
                KubeAccess.of(null, api().uri().toString(), Map.of()),
                Map.of("NODE_NAME", "", "POD_NAME", pod, "POD_NAMESPACE", namespace));
        final RegistryException failure = assertThrows(RegistryException.class, registry::publicAddresses);
        assertTrue(
                String.valueOf(failure.getMessage()).contains("NODE_NAME, or POD_NAME and POD_NAMESPACE, must be set"),
                failure::getMessage);
    }

    /** As from a file with CRLF, or of a host that is called so: what Kubernetes has no Node by is not asked for without end. */
    @ParameterizedTest
    @CsvSource({
        "NODE_NAME, 'one\t', '\"one\\t\" is no name in Kubernetes', '; it may be one'",
        "NODE_NAME, 'One', '\"One\" is no name in Kubernetes', '; it may be one'",
        "NODE_NAME, 'one.', '\"one.\" is no name in Kubernetes', kubectl get nodes",
        "NODE_NAME, 'o/ne', '\"o/ne\" is no name in Kubernetes', kubectl get nodes",
        "POD_NAME, 'weft x', '\"weft x\" is no name in Kubernetes', kubectl get nodes",
    })
    @Timeout(value = TIMEOUT_MS, unit = TimeUnit.MILLISECONDS)
    void shouldRefuseANameThatNoObjectCanHave(
            final String variable, final String value, final String words, final String remedy) {
        final KubeRegistry registry = registry(
                KubeAccess.of(null, api().uri().toString(), Map.of()),
                Map.of(variable, value, "POD_NAMESPACE", "weft"));
        final RegistryException failure = assertThrows(RegistryException.class, registry::publicAddresses);
        final String told = String.valueOf(failure.getMessage());
        assertTrue(told.startsWith("env variable " + variable + '=' + words) && told.contains(remedy), told);
    }

    private final class Recorder implements LeaseListener {
        @Override
        public void onSnapshot(final List<Lease> leases) {
            known.keySet()
                    .retainAll(
                            leases.stream().map(lease -> lease.key().toString()).toList());
            leases.forEach(this::onPut);
        }

        @Override
        public void onPut(final Lease lease) {
            known.put(lease.key().toString(), lease.attributes().json());
        }

        @Override
        public void onRemove(final LeaseKey key) {
            known.remove(key.toString());
        }

        @Override
        public void onRestartNeeded(final String why) {
            restart.countDown();
        }
    }
}
