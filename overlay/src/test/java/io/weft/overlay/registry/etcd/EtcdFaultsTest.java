/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.address.IpAddress;
import io.weft.address.MacAddress;
import io.weft.linux.testing.Await;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.FaultyProxy;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.NodeRequest;
import io.weft.overlay.registry.NodeRequests;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A real etcd whose answers are late, lost or wrong, and other nodes that claim what is this node's. */
class EtcdFaultsTest {
    private static final String PREFIX = "/coreos.com/network";
    private static final String SUBNETS = PREFIX + "/subnets/";
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final int MEGABYTE = 1 << 20;

    @TempDir
    private Path directory = Path.of(".");

    private @Nullable EtcdServer server;
    private @Nullable FaultyProxy before;
    private final List<EtcdRegistry> registries = new ArrayList<>();
    private final Map<String, String> known = new ConcurrentSkipListMap<>();
    /** What whoever hears of the leases throws the next time. */
    private final AtomicReference<@Nullable Error> defect = new AtomicReference<>();

    @BeforeEach
    void setUp() throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        server = new EtcdServer(directory);
        before = new FaultyProxy(etcd().endpoint());
        etcd().ctl("put", PREFIX + "/config", "{\"Network\":\"10.5.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}");
    }

    @AfterEach
    void tearDown() {
        registries.forEach(EtcdRegistry::close);
        if (null != before) {
            before.close();
        }
        if (null != server) {
            server.close();
        }
    }

    private EtcdServer etcd() {
        if (null == server) {
            throw new IllegalStateException("not set up");
        }
        return server;
    }

    private FaultyProxy proxy() {
        if (null == before) {
            throw new IllegalStateException("not set up");
        }
        return before;
    }

    private EtcdRegistry registry(final String endpoints, final String user) {
        final EtcdRegistry registry = new EtcdRegistry(
                new EtcdRegistry.Settings(endpoints, null, null, null, user, user.isEmpty() ? "" : "pw", PREFIX, 3600));
        registries.add(registry);
        return registry;
    }

    private static Inet4Address address(final int node) {
        return (Inet4Address) IpAddress.parse("192.168.0." + node).toInetAddress();
    }

    private static NodeRequest request(
            final int node, final @Nullable String takenOverMac, final @Nullable LeaseKey previous) {
        return NodeRequests.of(
                "192.168.0." + node, null == takenOverMac ? null : MacAddress.parse(takenOverMac), previous, null);
    }

    private static String value(final int node) {
        return "{\"PublicIP\":\"192.168.0." + node + "\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
                + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:0" + node + "\"}}";
    }

    private Lease follow(final EtcdRegistry registry, final NodeRequest request) throws InterruptedException {
        registry.config();
        final Lease own = registry.acquire(request);
        registry.watch(new Recorder());
        return own;
    }

    private Lease follow() throws InterruptedException {
        return follow(registry(proxy().endpoint(), ""), request(1, null, null));
    }

    private void awaitKnown(final String key) {
        Await.until(() -> key + " in " + known, TIMEOUT_MS, () -> known.containsKey(key));
    }

    private void awaitStream() {
        Await.until("the leases are followed", TIMEOUT_MS, proxy()::hasStream);
    }

    private static void awaitTrouble(final EtcdRegistry registry, final String cause) {
        Await.until(
                () -> cause + " in " + registry.status().trouble(),
                TIMEOUT_MS,
                () -> String.valueOf(registry.status().trouble()).contains(cause));
    }

    /** What etcd has for a key, with the revisions, in etcdctl's words. */
    private String stored(final LeaseKey key) {
        return etcd().ctl("get", SUBNETS + key, "--print-value-only");
    }

    private List<String> etcdLeases() {
        return etcd().ctl("lease", "list").lines().skip(1).toList();
    }

    /** As where the process may not start one more thread. */
    @Test
    void shouldGoOnToFollowWhateverIsThrownMeanwhile() throws Exception {
        defect.set(new OutOfMemoryError("unable to create native thread"));
        follow();
        etcd().ctl("put", SUBNETS + "10.5.200.0-24", value(9));
        awaitKnown("10.5.200.0-24");
        assertNull(defect.get());
    }

    @Test
    void shouldAskAnewWhenHalfAnAnswerIsAllThatComes() throws Exception {
        follow();
        etcd().ctl("put", SUBNETS + "10.5.200.0-24", value(9));
        awaitKnown("10.5.200.0-24");
        proxy().spoil("/v3/kv/range", FaultyProxy.Fault.HALF_BODY, 1);
        proxy().cutStreams();
        Await.until("a list that stalls", TIMEOUT_MS, proxy()::isUsedUp);
        etcd().ctl("put", SUBNETS + "10.5.201.0-24", value(8));
        awaitKnown("10.5.201.0-24");
        assertTrue(known.containsKey("10.5.200.0-24"), "what was known stays");
    }

    /** As one that was cut off from etcd until its lease had expired: what others have deleted meanwhile is no loss of etcd's. */
    @Test
    void shouldForgetWhatWasDeletedTogetherWithItsOwnLeaseWhileNobodyFollowed() throws Exception {
        final Lease own = follow();
        proxy().spoil("/v3/kv/txn", FaultyProxy.Fault.FORBIDDEN, Integer.MAX_VALUE); // by which it is written again
        for (final String other : List.of("10.5.200.0-24", "10.5.201.0-24")) {
            etcd().ctl("put", SUBNETS + other, value(9));
            awaitKnown(other);
            proxy().silenceStreams();
            etcd().ctl("del", "--prefix", SUBNETS);
            proxy().cutStreams();
            Await.until(other + " is forgotten", TIMEOUT_MS, () -> !known.containsKey(other));
        }
        proxy().heal();
        Await.until(
                "the own lease is back",
                TIMEOUT_MS,
                () -> own.attributes().json().equals(stored(own.key())));
    }

    @Test
    void shouldOpenTheWatchAnewWhenTheOtherEndIsGoneWithoutAWord() throws Exception {
        follow();
        etcd().ctl("put", SUBNETS + "10.5.200.0-24", value(9));
        awaitKnown("10.5.200.0-24");
        final long lists = proxy().count("\"limit\"");
        proxy().silenceStreams();
        etcd().ctl("put", SUBNETS + "10.5.201.0-24", value(8));
        awaitKnown("10.5.201.0-24");
        assertEquals(lists, proxy().count("\"limit\""), "nothing is listed for that");
    }

    @Test
    void shouldReadWhatEtcdHasWhenTheAnswerToATransactionIsLost() throws Exception {
        proxy().spoil("/v3/kv/txn", FaultyProxy.Fault.LOST_ANSWER, 1);
        final Lease own = follow();
        assertEquals(own.attributes().json(), stored(own.key()));
        assertEquals(1, proxy().count("/v3/kv/txn"), "it is not written again");
        assertEquals(1, etcdLeases().size());
    }

    @Test
    void shouldKeepItsEtcdLeaseWhenTheStateCannotBeReadEither() throws Exception {
        final EtcdRegistry registry = registry(proxy().endpoint(), "");
        registry.config();
        proxy().spoil("/v3/kv/txn", FaultyProxy.Fault.LOST_ANSWER, 1);
        final Thread spoiler = new Thread(() -> {
            Await.until("a write", TIMEOUT_MS, () -> proxy().count("/v3/kv/txn") > 0);
            proxy().spoil("/v3/kv/range", FaultyProxy.Fault.LOST_ANSWER, 1);
        });
        spoiler.start();
        final Lease own = registry.acquire(request(1, null, null));
        spoiler.join();
        assertEquals(own.attributes().json(), stored(own.key()));
        assertEquals(1, etcdLeases().size());
        assertTrue(etcd().ctl("lease", "timetolive", "--keys", etcdLeases().get(0))
                .contains(own.key().toString()));
    }

    @Test
    void shouldMakeOneEtcdLeaseWhenTheAnswerToItIsLost() throws Exception {
        proxy().spoil("/v3/lease/grant", FaultyProxy.Fault.LOST_ANSWER, 2);
        follow();
        assertEquals(1, etcdLeases().size());
    }

    @Test
    void shouldLeaveNoEtcdLeaseBehindWhenWritesAreRefused() throws Exception {
        etcd().ctl("user", "add", "root:pw");
        etcd().ctl("user", "grant-role", "root", "root");
        etcd().ctl("role", "add", "reader");
        etcd().ctl("role", "grant-permission", "reader", "--prefix=true", "read", PREFIX);
        etcd().ctl("user", "add", "weft:pw");
        etcd().ctl("user", "grant-role", "weft", "reader");
        etcd().ctl("auth", "enable");
        etcd().signIn("root:pw");
        final EtcdRegistry registry = registry(proxy().endpoint(), "weft");
        registry.config();
        final Thread asking = new Thread(() -> {
            try {
                registry.acquire(request(1, null, null));
            } catch (final InterruptedException closed) {
                Thread.currentThread().interrupt();
            }
        });
        asking.start();
        Await.until("three tries", TIMEOUT_MS, () -> registry.status().failures() >= 3);
        assertTrue(String.valueOf(registry.status().trouble()).contains("permission denied"));
        registry.close();
        asking.join();
        assertEquals(List.of(), etcdLeases());
        assertTrue(proxy().count("/v3/lease/grant") >= 3);
    }

    @Test
    void shouldYieldToTheNodeThatIsAliveWhenTwoHaveOnePublicIp() throws Exception {
        final EtcdRegistry first = registry(proxy().endpoint(), "");
        final Lease own = follow(first, request(1, "02:00:00:00:00:aa", null));
        final EtcdRegistry second = registry(proxy().endpoint(), "");
        final Lease claimed = follow(second, request(1, "02:00:00:00:00:bb", null));
        assertEquals(own.key(), claimed.key());
        assertNotEquals(own, claimed);
        awaitTrouble(second, "is another node's, which is alive and has the PublicIP of this node");
        assertEquals(own.attributes().json(), stored(own.key()), "the one that was there first has it");
        assertNull(first.status().trouble());
        assertEquals(5, proxy().count("/v3/kv/txn"), "each has written and put it back once, and the first once more");
        assertEquals(1, etcdLeases().size());
        etcd().ctl("del", SUBNETS + own.key());
        Await.until(
                () -> "the lease is back: " + stored(own.key()),
                TIMEOUT_MS,
                () -> !stored(own.key()).isEmpty());
    }

    /** As of a backup, once: whoever does it again is alive. */
    @Test
    void shouldPutBackOnceWhatItsLeaseSaidBefore() throws Exception {
        final EtcdRegistry before = registry(proxy().endpoint(), "");
        final Lease former = follow(before, request(1, "02:00:00:00:00:aa", null));
        before.close();
        final EtcdRegistry registry = registry(proxy().endpoint(), "");
        final Lease own = follow(registry, request(1, "02:00:00:00:00:bb", null));
        assertEquals(former.key(), own.key());
        etcd().ctl("put", SUBNETS + own.key(), former.attributes().json());
        Await.until(
                () -> "the own lease is back: " + stored(own.key()),
                TIMEOUT_MS,
                () -> own.attributes().json().equals(stored(own.key())));
        assertNull(registry.status().trouble());
        etcd().ctl("put", SUBNETS + own.key(), former.attributes().json());
        awaitTrouble(registry, "is another node's, which is alive and has the PublicIP of this node");
        assertEquals(former.attributes().json(), stored(own.key()));
    }

    @Test
    void shouldNotTellOfARivalAnyMoreWhenItsLeaseIsAnotherNodes() throws Exception {
        final EtcdRegistry registry = registry(proxy().endpoint(), "");
        follow(registry, request(1, null, null));
        etcd().ctl("put", SUBNETS + "10.5.200.0-24", value(1));
        Await.until(
                () -> "the rival in " + registry.status().refused(),
                TIMEOUT_MS,
                () -> registry.status().refused().containsKey("etcd lease 10.5.200.0-24"));
        etcd().ctl("put", SUBNETS + "10.5.200.0-24", value(9));
        awaitKnown("10.5.200.0-24");
        assertEquals(Map.of(), registry.status().refused());
    }

    @Test
    void shouldPutBackLessAndLessOftenWhatSomebodyElseWrites() throws Exception {
        final Lease own = follow();
        final int tries = 200;
        for (int i = 0; i < tries; i++) {
            etcd().ctl("put", SUBNETS + own.key(), "{\"PublicIP\":\"192.168.0.1\",\"round\":" + i + "}");
        }
        Await.until(
                () -> "the own lease is back: " + stored(own.key()),
                TIMEOUT_MS,
                () -> own.attributes().json().equals(stored(own.key())));
        assertTrue(proxy().count("/v3/kv/txn") < tries / 2, () -> proxy().count("/v3/kv/txn") + " writes");
        assertTrue(etcdLeases().size() <= 1, etcdLeases()::toString);
    }

    @Test
    void shouldNotTakeTheLeaseOfAnotherNodeWhenItsVirtualAddressComesHere() throws Exception {
        etcd().ctl("put", SUBNETS + "10.5.44.0-24", value(7));
        final EtcdRegistry registry = registry(proxy().endpoint(), "");
        registry.config();
        final InetAddress moved = address(7); // a VIP that has come to this node's interface
        final Lease own = registry.acquire(new NodeRequest(
                address(1),
                null,
                Set.of(address(1), moved),
                new BackendConfig(BackendType.VXLAN, 1, 8472, 0, false, false),
                null,
                null,
                null,
                null));
        assertNotEquals("10.5.44.0-24", own.key().toString());
        assertEquals(value(7), etcd().ctl("get", SUBNETS + "10.5.44.0-24", "--print-value-only"));
    }

    @Test
    void shouldTakeAnotherSubnetAndMacWhenTheMachineWasCloned() throws Exception {
        final LeaseKey original = LeaseKey.parse("10.5.44.0-24");
        etcd().ctl("put", SUBNETS + original, value(7));
        final EtcdRegistry registry = registry(proxy().endpoint(), "");
        registry.config();
        final Lease own = registry.acquire(request(1, "02:00:00:00:00:08", original));
        assertNotEquals(original, own.key());
        final EtcdRegistry clone = registry(proxy().endpoint(), "");
        clone.config();
        final Lease other = clone.acquire(request(2, "02:00:00:00:00:07", null));
        assertNotEquals(
                "02:00:00:00:00:07",
                String.valueOf(Objects.requireNonNull(other.attributes().vtep()).mac()));
    }

    @Test
    void shouldIgnoreTheLeaseOfAnotherSubnetThatNamesThisNodesAddress() throws Exception {
        follow();
        etcd().ctl("put", SUBNETS + "10.5.201.0-24", value(1));
        etcd().ctl("put", SUBNETS + "10.5.202.0-24", value(2));
        awaitKnown("10.5.202.0-24");
        assertNull(known.get("10.5.201.0-24"));
        assertEquals(1, registries.get(0).status().refusals());
    }

    /** A daemon that is told to stop while it waits for the answer to a grant gives it back; one that has written keeps it. */
    @ParameterizedTest
    @CsvSource({"lease/grant, 0", "kv/txn, 1"})
    void shouldLeaveNoUnusedEtcdLeaseWhenToldToStopMeanwhile(final String request, final int kept) throws Exception {
        proxy().spoil("/v3/" + request, FaultyProxy.Fault.HALF_BODY, 1);
        final EtcdRegistry registry = registry(proxy().endpoint(), "");
        final Thread starting = new Thread(() -> {
            try {
                registry.config();
                registry.acquire(request(1, null, null));
            } catch (final InterruptedException stop) {
                Thread.currentThread().interrupt();
            }
        });
        starting.start();
        Await.until(request + " is asked for", TIMEOUT_MS, () -> proxy().count(request) > 0);
        Await.until(
                () -> "etcd leases are " + etcdLeases(),
                TIMEOUT_MS,
                () -> 1 == etcdLeases().size()
                        && kept
                                == etcd().ctl("get", "--prefix", "--keys-only", SUBNETS)
                                        .lines()
                                        .filter(line -> !line.isEmpty())
                                        .count());
        starting.interrupt();
        starting.join(TIMEOUT_MS);
        assertEquals(kept, etcdLeases().size(), etcdLeases()::toString);
    }

    /** Told to stop while it writes, and again while it asks whether that was written: it may have been. */
    @Test
    void shouldKeepTheEtcdLeaseThatTheKeyMayHaveWhenToldToStopTwice() throws Exception {
        proxy().spoil("/v3/kv/txn", FaultyProxy.Fault.HALF_BODY, 1);
        final EtcdRegistry registry = registry(proxy().endpoint(), "");
        final Thread starting = new Thread(() -> {
            try {
                registry.config();
                registry.acquire(request(1, null, null));
            } catch (final InterruptedException stop) {
                Thread.currentThread().interrupt();
            }
        });
        starting.start();
        Await.until(
                "the lease is written",
                TIMEOUT_MS,
                () -> !etcd().ctl("get", "--prefix", "--keys-only", SUBNETS).isBlank());
        proxy().spoil("/v3/kv/range", FaultyProxy.Fault.HALF_BODY, 1);
        final long asked = proxy().count("/v3/kv/range");
        starting.interrupt();
        Await.until("etcd is asked what it has", TIMEOUT_MS, () -> proxy().count("/v3/kv/range") > asked);
        starting.interrupt();
        starting.join(TIMEOUT_MS);
        assertEquals(1, etcdLeases().size(), etcdLeases()::toString);
        assertNotEquals(
                "", etcd().ctl("get", "--prefix", "--keys-only", SUBNETS).strip());
    }

    @Test
    void shouldFindTheEndpointThatAnswersAmongThoseThatDoNot() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                FaultyProxy stranger = new FaultyProxy(etcd().endpoint())) {
            stranger.answer("/", "<html>not found</html>");
            final String endpoints = String.join(
                    ", ",
                    "http://127.0.0.1:1", // tcpmux, where nobody listens
                    "http://127.0.0.1:" + silent.getLocalPort() + '/',
                    stranger.endpoint(),
                    proxy().endpoint() + '/');
            follow(registry(endpoints, ""), request(1, null, null));
            etcd().ctl("put", SUBNETS + "10.5.200.0-24", value(9));
            awaitKnown("10.5.200.0-24");
        }
    }

    /** Whatever comes in place of an answer is told, and the right one is taken when it comes. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "`` | is empty",
                "nonsense | answered no JSON",
                "{} | has no key",
                "[] | must be an object",
                "null | must be an object",
                "{'kvs':7} | kvs must be an array",
                "{'kvs':[]} | has no key",
                "many | there are more than 100000 values",
                "{'kvs':[{}]} | is empty",
                "{'kvs':[{'value':'%%%'}]} | is no base64",
                "{'kvs':[{'value':17}]} | must be a string",
                "{'kvs':[{'value':'AAECAw=='}]} | etcd key /coreos.com/network/config:1",
            })
    void shouldTellWhatIsWrongWithAnAnswerAndTakeTheNext(final String wrong, final String cause) throws Exception {
        final String many = "[" + "0,".repeat(200_000) + "0]"; // fits the length, and not the heap
        proxy().answer("/v3/kv/range", "many".equals(wrong) ? many : wrong.replace('\'', '"'));
        final EtcdRegistry registry = registry(proxy().endpoint(), "");
        final Thread asking = new Thread(() -> {
            try {
                registry.config();
            } catch (final InterruptedException closed) {
                Thread.currentThread().interrupt();
            }
        });
        asking.start();
        awaitTrouble(registry, cause);
        proxy().heal();
        asking.join();
        assertNull(registry.status().trouble());
    }

    /** The same while leases are followed: what is known stays. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "range | {} | has no \"header\"",
                "range | {'header':{'revision':'soon'}} | must be a whole number",
                "range | {'header':{'revision':'9'},'kvs':{}} | kvs must be an array",
                "range | {'header':{'revision':'9'},'kvs':[{'key':'%'}]} | is no base64",
                "watch | {'result':7} | must be an object",
                "watch | {'result':{'header':{'revision':'99999999999999999999'}}} | must be a whole number",
                "watch | {'result':{'header':{'revision':'99'},'events':[{}]}} | has no \"kv\"",
                "watch | [[[[ | etcd's watch",
            })
    void shouldKeepWhatIsKnownWhenAnAnswerIsWrong(final String what, final String wrong, final String cause)
            throws Exception {
        follow();
        etcd().ctl("put", SUBNETS + "10.5.200.0-24", value(9));
        awaitKnown("10.5.200.0-24");
        awaitStream();
        proxy().answer(what, wrong.replace('\'', '"') + '\n');
        proxy().cutStreams();
        awaitTrouble(registries.get(0), cause);
        assertTrue(known.containsKey("10.5.200.0-24"));
        proxy().heal();
        etcd().ctl("put", SUBNETS + "10.5.201.0-24", value(8));
        awaitKnown("10.5.201.0-24");
    }

    @ParameterizedTest
    @ValueSource(strings = {"range", "watch"})
    void shouldGiveUpAnAnswerWithoutAnEnd(final String what) throws Exception {
        follow();
        awaitStream();
        proxy().spoil(what, FaultyProxy.Fault.ENDLESS_BODY, Integer.MAX_VALUE);
        proxy().cutStreams();
        awaitTrouble(registries.get(0), "the answer is longer than " + 4 * MEGABYTE + " bytes");
        proxy().heal();
        etcd().ctl("put", SUBNETS + "10.5.201.0-24", value(8));
        awaitKnown("10.5.201.0-24");
    }

    @Test
    void shouldReadAllLeasesBesideValuesThatAreTooLong() throws Exception {
        // etcd takes requests of up to 1.5 MiB (--max-request-bytes); the gateway makes a third more of them
        final String junk = "x".repeat(MEGABYTE);
        final Map<String, String> values = new ConcurrentSkipListMap<>();
        for (int i = 0; i < 6; i++) {
            etcd().putAll(Map.of(SUBNETS + "10.5.10" + i + ".0-24", junk));
            values.put(SUBNETS + "10.5.20" + i + ".0-24", value(2 + i));
        }
        etcd().putAll(values);
        final Set<String> expected = new TreeSet<>();
        expected.add(follow().key().toString());
        for (int i = 0; i < 6; i++) {
            expected.add("10.5.20" + i + ".0-24");
        }
        expected.forEach(this::awaitKnown);
        assertEquals(expected, Set.copyOf(known.keySet())); // its size may lag behind what it has
        assertEquals(6, registries.get(0).status().refusals());
    }

    @ParameterizedTest
    @ValueSource(strings = {"/coreos.com/network/", "/coreos.com//network", "/coreos.com/./network//"})
    void shouldFindTheSameKeysWhenThePrefixIsWrittenAnotherWay(final String prefix) throws Exception {
        final EtcdRegistry registry =
                new EtcdRegistry(new EtcdRegistry.Settings(etcd().endpoint(), null, null, null, "", "", prefix, 3600));
        registries.add(registry);
        final Lease own = follow(registry, request(1, null, null));
        assertEquals(own.attributes().json(), stored(own.key()));
        etcd().ctl("put", SUBNETS + "10.5.200.0-24", value(9));
        awaitKnown("10.5.200.0-24");
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
