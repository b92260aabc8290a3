/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.MacAddress;
import io.weft.linux.testing.Await;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.FaultyProxy;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.NodeRequests;
import io.weft.overlay.registry.RegistryException;
import io.weft.overlay.registry.kube.access.KubeAccess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** An API server whose answers are late, lost or wrong, and machines that claim what is this node's. */
class KubeFaultsTest {
    private static final String PREFIX = "flannel.alpha.coreos.com";
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;

    @TempDir
    private Path directory = Path.of(".");

    private KubeFollower.Timing timing = KubeFollower.Timing.USUAL;
    private @Nullable NodeApiServer server;
    private @Nullable FaultyProxy before;
    private final List<KubeRegistry> registries = new ArrayList<>();
    private final Map<String, String> known = new ConcurrentSkipListMap<>();
    /** What whoever hears of the leases throws the next time. */
    private final AtomicReference<@Nullable Error> defect = new AtomicReference<>();

    @BeforeEach
    void setUp() throws IOException {
        server = new NodeApiServer();
        before = new FaultyProxy(api().uri().toString());
        Files.writeString(
                directory.resolve("net-conf.json"), "{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}");
        api().put("one", "10.244.1.0/24", Map.of());
    }

    @AfterEach
    void tearDown() {
        registries.forEach(KubeRegistry::close);
        proxy().close();
        api().close();
    }

    private NodeApiServer api() {
        return Objects.requireNonNull(server);
    }

    private FaultyProxy proxy() {
        return Objects.requireNonNull(before);
    }

    private KubeRegistry registry(final String url) {
        final KubeRegistry registry = new KubeRegistry(
                new KubeRegistry.Settings(
                        KubeAccess.of(null, url, Map.of()),
                        PREFIX,
                        directory.resolve("net-conf.json"),
                        true,
                        Map.of("NODE_NAME", "one")),
                timing);
        registries.add(registry);
        return registry;
    }

    private KubeRegistry follow(final String url, final @Nullable String takenOverMac) throws InterruptedException {
        final KubeRegistry registry = registry(url);
        registry.config();
        registry.acquire(NodeRequests.of(
                "192.168.0.1", null == takenOverMac ? null : MacAddress.parse(takenOverMac), null, null));
        registry.watch(new Recorder());
        return registry;
    }

    private KubeRegistry follow() throws InterruptedException {
        return follow(proxy().endpoint(), null);
    }

    private void put(final int node, final String podCidr) {
        api().put("node" + node, podCidr, annotations(node));
    }

    private static Map<String, String> annotations(final int node) {
        return Map.of(
                PREFIX + "/kube-subnet-manager",
                "true",
                PREFIX + "/backend-type",
                "vxlan",
                PREFIX + "/backend-data",
                String.format("{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:%02x\"}", node),
                PREFIX + "/public-ip",
                "192.168.0." + node);
    }

    private void awaitKnown(final String key, final int node) {
        Await.until(
                () -> key + " of node " + node + " in " + known,
                TIMEOUT_MS,
                () -> String.valueOf(known.get(key)).contains("\"192.168.0." + node + "\""));
    }

    private void awaitStream() {
        Await.until("the leases are followed", TIMEOUT_MS, proxy()::hasStream);
    }

    private static void awaitTrouble(final KubeRegistry registry, final String cause) {
        Await.until(
                () -> cause + " in " + registry.status().trouble(),
                TIMEOUT_MS,
                () -> String.valueOf(registry.status().trouble()).contains(cause));
    }

    private static final String LIST = "nodes?resourceVersion=";

    /** As where the process may not start one more thread. */
    @Test
    void shouldGoOnToFollowWhateverIsThrownMeanwhile() throws Exception {
        defect.set(new OutOfMemoryError("unable to create native thread"));
        follow();
        put(2, "10.244.2.0/24");
        awaitKnown("10.244.2.0-24", 2);
        assertNull(defect.get());
    }

    @Test
    void shouldAskAnewWhenHalfAnAnswerIsAllThatComes() throws Exception {
        api().streamLists(NodeApiServer.StreamingLists.REFUSED);
        follow();
        put(2, "10.244.2.0/24");
        awaitKnown("10.244.2.0-24", 2);
        proxy().spoil(LIST, FaultyProxy.Fault.HALF_BODY, 1);
        api().restart();
        Await.until("a list that stalls", TIMEOUT_MS, proxy()::isUsedUp);
        put(3, "10.244.3.0/24");
        awaitKnown("10.244.3.0-24", 3);
        assertTrue(known.containsKey("10.244.2.0-24"), "what was known stays");
    }

    @Test
    void shouldListNothingAnewWhenAWatchHasEnded() throws Exception {
        follow();
        put(2, "10.244.2.0/24");
        awaitKnown("10.244.2.0-24", 2);
        final long lists = proxy().count(LIST) + proxy().count("sendInitialEvents");
        proxy().cutStreams();
        put(3, "10.244.3.0/24");
        awaitKnown("10.244.3.0-24", 3);
        assertEquals(lists, proxy().count(LIST) + proxy().count("sendInitialEvents"));
    }

    @Test
    void shouldOpenTheWatchAnewWhenTheOtherEndIsGoneWithoutAWord() throws Exception {
        timing = new KubeFollower.Timing(
                Duration.ofSeconds(1), Duration.ofMillis(500), Duration.ofMinutes(30), Duration.ofSeconds(10));
        follow();
        put(2, "10.244.2.0/24");
        awaitKnown("10.244.2.0-24", 2);
        proxy().silenceStreams();
        put(3, "10.244.3.0/24");
        awaitKnown("10.244.3.0-24", 3);
    }

    @Test
    void shouldAskAgainNoSoonerThanTheServerWants() throws Exception {
        follow();
        awaitStream();
        api().refuse("GET", 429, 2);
        proxy().cutStreams();
        Await.until("a refusal", TIMEOUT_MS, () -> 1 == api().refusedNs().size());
        put(2, "10.244.2.0/24");
        awaitKnown("10.244.2.0-24", 2);
        final long pauseNs = api().refusedNs().get(1) - api().refusedNs().get(0);
        assertTrue(pauseNs >= TimeUnit.SECONDS.toNanos(2), () -> pauseNs + " ns");
        assertEquals(0, proxy().count("/readyz"), "whoever wants to be left alone is");
    }

    /** As by a role without the verb watch, or a proxy that lets no stream through, fails to, or waits for its end. */
    @ParameterizedTest
    @CsvSource({
        "FORBIDDEN, refused the watch of /api/v1/nodes with 403: ",
        "LOST_ANSWER, refused the watch of /api/v1/nodes with 503: ",
        "NO_ANSWER, no whole answer within "
    })
    void shouldListAgainAndAgainWhileWatchesAreRefused(final FaultyProxy.Fault fault, final String trouble)
            throws Exception {
        proxy().spoil("watch=true", fault, Integer.MAX_VALUE);
        api().put("one", "10.244.1.0/24", annotations(1));
        final Map<String, String> former = api().annotations("one");
        api().condition("one", "NetworkUnavailable", "True");
        put(2, "10.244.2.0/24");
        final KubeRegistry registry = follow(proxy().endpoint(), "02:00:00:00:00:aa");
        final Map<String, String> own = api().annotations("one");
        assertNotEquals(former, own);
        registry.nodeReady();
        awaitKnown("10.244.2.0-24", 2);
        Await.until(
                () -> "the condition is " + api().conditions("one"),
                TIMEOUT_MS,
                () -> "False".equals(api().conditions("one").get("NetworkUnavailable")));
        api().put("one", "10.244.1.0/24", former); // as of a backup
        Await.until(
                () -> "the annotations are back: " + api().annotations("one"),
                TIMEOUT_MS,
                () -> own.equals(api().annotations("one")));
        awaitTrouble(registry, trouble);
        put(3, "10.244.3.0/24");
        awaitKnown("10.244.3.0-24", 3);
        proxy().heal();
        awaitStream();
        put(4, "10.244.4.0/24");
        awaitKnown("10.244.4.0-24", 4);
        Await.until(
                () -> "followed: " + registry.status().trouble(),
                TIMEOUT_MS,
                () -> null == registry.status().trouble());
    }

    /** A watch of a server that does not know streaming lists tells of changes without an end. */
    @Test
    void shouldListPlainlyHoweverOftenNodesChangeMeanwhile() throws Exception {
        api().streamLists(NodeApiServer.StreamingLists.UNKNOWN);
        put(2, "10.244.2.0/24");
        follow();
        Await.until(() -> "known: " + known, TIMEOUT_MS, () -> {
            put(3, "10.244.3.0/24");
            return known.containsKey("10.244.2.0-24");
        });
    }

    @Test
    void shouldFollowAgainSoonByAProbeHoweverLongTheServerWasAway() throws Exception {
        final KubeRegistry registry = follow();
        put(3, "10.244.3.0/24");
        awaitKnown("10.244.3.0-24", 3); // so the list has come to its end
        proxy().spoil("nodes", FaultyProxy.Fault.LOST_ANSWER, Integer.MAX_VALUE);
        proxy().spoil("readyz", FaultyProxy.Fault.LOST_ANSWER, Integer.MAX_VALUE);
        proxy().cutStreams();
        Await.until("probes", TIMEOUT_MS, () -> proxy().count("/readyz") >= 2);
        assertTrue(registry.status().isLost());
        final long watches = proxy().count("watch=");
        proxy().heal();
        put(2, "10.244.2.0/24");
        awaitKnown("10.244.2.0-24", 2);
        assertEquals(1, proxy().count("sendInitialEvents"), "what was lost is the watch alone");
        assertTrue(proxy().count("watch=") > watches);
    }

    @Test
    void shouldMendByAComparisonWhatNoWatchHasTold() throws Exception {
        timing = new KubeFollower.Timing(
                Duration.ofSeconds(90), Duration.ofMillis(500), Duration.ofMillis(1_200), Duration.ofSeconds(10));
        follow();
        put(2, "10.244.2.0/24");
        awaitKnown("10.244.2.0-24", 2);
        api().putUnseen("node2", "10.244.22.0/24", annotations(2));
        api().putUnseen("node3", "10.244.3.0/24", annotations(3));
        awaitKnown("10.244.3.0-24", 3);
        awaitKnown("10.244.22.0-24", 2);
        assertNull(known.get("10.244.2.0-24"));
        assertEquals(1, proxy().count("sendInitialEvents"));
    }

    /** A watch of a version that the server has not come to is opened like any other, and tells nothing. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldListAnewWhenTheServersStoreWasRestoredFromABackup(final boolean isToldByComparison) throws Exception {
        timing = new KubeFollower.Timing(
                isToldByComparison ? Duration.ofSeconds(90) : Duration.ofSeconds(1),
                Duration.ofMillis(500),
                isToldByComparison ? Duration.ofMillis(1_200) : Duration.ofMinutes(30),
                Duration.ofSeconds(10));
        follow();
        put(2, "10.244.2.0/24");
        awaitKnown("10.244.2.0-24", 2);
        api().restore();
        put(3, "10.244.3.0/24");
        awaitKnown("10.244.3.0-24", 3);
        put(4, "10.244.4.0/24");
        awaitKnown("10.244.4.0-24", 4);
    }

    @ParameterizedTest
    @EnumSource(NodeApiServer.StreamingLists.class)
    void shouldListAnyVersionWhenTheServerIsBehind(final NodeApiServer.StreamingLists way) throws Exception {
        api().streamLists(way);
        follow();
        put(2, "10.244.2.0/24");
        awaitKnown("10.244.2.0-24", 2);
        awaitStream();
        api().refuse("GET", 410, 0);
        api().restore();
        put(3, "10.244.3.0/24");
        awaitKnown("10.244.3.0-24", 3);
    }

    @Test
    void shouldGoOnFromABookmark() throws Exception {
        follow();
        put(4, "10.244.4.0/24");
        awaitKnown("10.244.4.0-24", 4); // so the list has come to its end
        api().bookmark();
        put(2, "10.244.2.0/24");
        awaitKnown("10.244.2.0-24", 2);
        proxy().cutStreams();
        put(3, "10.244.3.0/24");
        awaitKnown("10.244.3.0-24", 3);
        assertEquals(1, proxy().count("sendInitialEvents") + proxy().count(LIST));
    }

    @Test
    void shouldLeaveASubnetWithTheNodeThatHadItFirst() throws Exception {
        final KubeRegistry registry = follow();
        put(2, "10.244.2.0/24");
        awaitKnown("10.244.2.0-24", 2);
        put(3, "10.244.2.0/24");
        put(4, "10.244.1.0/24");
        put(5, "10.244.5.0/24");
        awaitKnown("10.244.5.0-24", 5);
        awaitKnown("10.244.2.0-24", 2);
        awaitKnown("10.244.1.0-24", 1);
        assertEquals(2, registry.status().refusals());
        api().restart();
        put(6, "10.244.6.0/24");
        awaitKnown("10.244.6.0-24", 6);
        awaitKnown("10.244.2.0-24", 2);
        assertEquals(2, registry.status().refusals(), "the same is not told again");
        api().remove("node2");
        awaitKnown("10.244.2.0-24", 3);
        api().remove("node3");
        Await.until(known::toString, TIMEOUT_MS, () -> !known.containsKey("10.244.2.0-24"));
    }

    @Test
    void shouldIgnoreTheNodeThatHasThisNodesAddress() throws Exception {
        final KubeRegistry registry = follow();
        put(1, "10.244.9.0/24");
        put(2, "10.244.2.0/24");
        awaitKnown("10.244.2.0-24", 2);
        assertNull(known.get("10.244.9.0-24"));
        assertEquals(1, registry.status().refusals());
    }

    @Test
    void shouldYieldToTheMachineThatIsAliveWhenTwoHaveOneNodeName() throws Exception {
        final KubeRegistry first = follow(proxy().endpoint(), "02:00:00:00:00:aa");
        final KubeRegistry second = follow(proxy().endpoint(), "02:00:00:00:00:bb");
        awaitTrouble(second, "is another machine's, which is alive");
        assertTrue(String.valueOf(api().annotations("one").get(PREFIX + "/backend-data"))
                .contains("00:aa"));
        assertNull(first.status().trouble());
        assertEquals(5, api().patches().size(), "each has written and put it back once, and the first once more");
    }

    /** As of a backup, once: whoever does it again is alive. */
    @Test
    void shouldPutBackOnceWhatItsNodeSaidBefore() throws Exception {
        api().put("one", "10.244.1.0/24", annotations(7));
        final Map<String, String> former = api().annotations("one");
        final KubeRegistry registry = follow(proxy().endpoint(), "02:00:00:00:00:aa");
        put(2, "10.244.2.0/24");
        awaitKnown("10.244.2.0-24", 2); // so it is followed
        final Map<String, String> own = api().annotations("one");
        assertNotEquals(former, own);
        api().put("one", "10.244.1.0/24", former);
        Await.until(
                () -> "the annotations are back: " + api().annotations("one"),
                TIMEOUT_MS,
                () -> own.equals(api().annotations("one")));
        assertNull(registry.status().trouble());
        api().put("one", "10.244.1.0/24", former);
        awaitTrouble(registry, "is another machine's, which is alive");
        assertEquals(former, api().annotations("one"));
    }

    @Test
    void shouldPutBackLessAndLessOftenWhatSomebodyElseWrites() throws Exception {
        follow();
        final Map<String, String> own = api().annotations("one");
        final int tries = 500;
        for (int i = 0; i < tries; i++) {
            api().put("one", "10.244.1.0/24", Map.of("round", String.valueOf(i)));
        }
        Await.until(
                () -> "the annotations are back: " + api().annotations("one"),
                TIMEOUT_MS,
                () -> api().annotations("one").entrySet().containsAll(own.entrySet()));
        assertTrue(api().patches().size() < tries / 2, () -> api().patches().size() + " writes");
    }

    @Test
    void shouldSetTheConditionWhenTheServerHasRefusedItOnce() throws Exception {
        final KubeRegistry registry = follow();
        final int patches = api().patches().size();
        proxy().spoil("/status", FaultyProxy.Fault.LOST_ANSWER, 1);
        registry.nodeReady();
        Await.until(
                () -> api().patches().toString(),
                TIMEOUT_MS,
                () -> api().patches().size() >= patches + 2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "LIST | `` | that is empty",
                "LIST | {} | that has no items",
                "LIST | {'items':7,'metadata':{}} | that has no items",
                "LIST | {'items':[]} | that has no metadata.resourceVersion",
                "LIST | {'items':[],'metadata':{}} | that has no metadata.resourceVersion",
                "LIST | {'items':[{'metadata':{'name':'x'}},{'meta | that is no JSON",
                "watch= | nonsense | the watch of nodes that is no JSON",
                "watch= | {} | has no type",
                "watch= | {'type':'ADDED','object':7} | has no object",
                "watch= | {'type':'ADDED','object':{'metadata':{'name':'x'}}} | has no resourceVersion",
            })
    void shouldKeepWhatIsKnownWhenAnAnswerIsWrong(final String what, final String wrong, final String cause)
            throws Exception {
        api().streamLists(NodeApiServer.StreamingLists.REFUSED);
        final KubeRegistry registry = follow();
        put(2, "10.244.2.0/24");
        awaitKnown("10.244.2.0-24", 2);
        awaitStream();
        proxy().answer(what.replace("LIST", LIST), wrong.replace('\'', '"') + '\n');
        api().restart();
        proxy().cutStreams();
        awaitTrouble(registry, cause);
        assertTrue(known.containsKey("10.244.2.0-24"));
        proxy().heal();
        put(3, "10.244.3.0/24");
        awaitKnown("10.244.3.0-24", 3);
    }

    /** Such as the images and managed fields of a node that has many: 120 MB in all, which the tests' heap holds four times. */
    @ParameterizedTest
    @EnumSource(NodeApiServer.StreamingLists.class)
    void shouldReadAListThatIsLongerThanAnAnswerMayBe(final NodeApiServer.StreamingLists way) throws Exception {
        api().streamLists(way);
        api().fatten(200_000);
        for (int i = 2; i < 100; i++) {
            api().put("node" + i, "10.244." + i + ".0/24", annotations(i));
        }
        follow();
        Await.until(() -> "known: " + known.size(), TIMEOUT_MS, () -> 99 == known.size());
        api().fatten(0);
        put(3, "10.244.103.0/24");
        awaitKnown("10.244.103.0-24", 3);
        assertEquals(NodeApiServer.StreamingLists.GIVEN == way ? 0 : 1, proxy().count(LIST));
    }

    @ParameterizedTest
    @ValueSource(strings = {LIST, "watch="})
    void shouldGiveUpAnAnswerWithoutAnEnd(final String what) throws Exception {
        api().streamLists(NodeApiServer.StreamingLists.REFUSED);
        final KubeRegistry registry = follow();
        awaitStream();
        proxy().spoil(what, FaultyProxy.Fault.ENDLESS_BODY, Integer.MAX_VALUE);
        api().restart();
        proxy().cutStreams();
        awaitTrouble(registry, "the answer is longer than");
        proxy().heal();
        put(3, "10.244.3.0/24");
        awaitKnown("10.244.3.0-24", 3);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "/", "//"})
    void shouldAskBelowThePathOfTheUrl(final String end) throws Exception {
        try (FaultyProxy below = new FaultyProxy(api().uri().toString(), "/k8s/clusters/one")) {
            follow(below.endpoint() + end, null);
            put(2, "10.244.2.0/24");
            awaitKnown("10.244.2.0-24", 2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.0.0.1", "ftp://10.0.0.1", "https://", "http://a b", "nonsense", "/var/run/api.sock"})
    void shouldNameAUrlThatIsNone(final String url) {
        final RegistryException failure = assertThrows(RegistryException.class, () -> registry(url));
        assertTrue(
                String.valueOf(failure.getMessage()).startsWith("--kube-api-url: \"" + url + "\" is no URL"),
                failure::getMessage);
    }

    private final class Recorder implements LeaseListener {
        @Override
        public void onSnapshot(final List<Lease> leases) {
            final Error thrown = defect.getAndSet(null);
            if (null != thrown) {
                throw thrown;
            }
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
            known.put("restart", why);
        }
    }
}
