/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.address.MacAddress;
import io.weft.linux.testing.Await;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.NodeRequest;
import io.weft.overlay.registry.NodeRequests;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against a real etcd, whose keys are read back by etcdctl. */
class EtcdRegistryTest {
    private static final String PREFIX = "/coreos.com/network";
    private static final String SUBNETS = PREFIX + "/subnets/";
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final int RACES = 25;
    private static final String OTHER_VALUE =
            "{\"PublicIP\":\"192.168.0.9\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
                    + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:09\"}}";

    @TempDir
    private Path directory = Path.of(".");

    private @Nullable EtcdServer server;
    private final List<EtcdRegistry> registries = new ArrayList<>();
    private final Map<String, String> known = new ConcurrentSkipListMap<>();
    private final CountDownLatch restart = new CountDownLatch(1);

    @BeforeEach
    void setUp() throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        server = new EtcdServer(directory);
        etcd().ctl("put", PREFIX + "/config", "{\"Network\":\"10.5.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}");
    }

    @AfterEach
    void tearDown() throws Exception {
        registries.forEach(EtcdRegistry::close);
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

    private EtcdRegistry registry() {
        final EtcdRegistry registry =
                new EtcdRegistry(new EtcdRegistry.Settings(etcd().endpoint(), null, null, null, "", "", PREFIX, 3600));
        registries.add(registry);
        return registry;
    }

    private static NodeRequest request(final int node, final @Nullable LeaseKey previous) {
        return NodeRequests.of("192.168.0." + node, null, previous, null);
    }

    private Lease acquire(final int node) throws InterruptedException {
        final EtcdRegistry registry = registry();
        registry.config();
        return registry.acquire(request(node, null));
    }

    private Lease follow(final int node) throws InterruptedException {
        final EtcdRegistry registry = registry();
        registry.config();
        final Lease own = registry.acquire(request(node, null));
        registry.watch(new Recorder());
        awaitKnown(own.key().toString(), own.attributes().json());
        return own;
    }

    private String value(final String key) {
        return etcd().ctl("get", "--print-value-only", SUBNETS + key);
    }

    /** The etcd lease that lets a key expire; 0 for a reservation, which stays. */
    private String etcdLease(final LeaseKey key) {
        final String fields = etcd().ctl("get", "--write-out=fields", SUBNETS + key);
        return fields.replaceAll("(?s).*\"Lease\" : (\\d+).*", "$1");
    }

    private void awaitStored(final Lease lease) {
        Await.until(
                () -> lease + " is not in etcd",
                TIMEOUT_MS,
                () -> lease.attributes().json().equals(value(lease.key().toString())));
    }

    private void awaitKnown(final String key, final @Nullable String value) {
        Await.until(
                () -> key + " is not " + value + ": " + known,
                TIMEOUT_MS,
                () -> null == value ? !known.containsKey(key) : value.equals(known.get(key)));
    }

    @Test
    void shouldWriteFlannelsKeyAndValueWithALeaseOfADay() throws Exception {
        final Lease own = acquire(1);
        assertTrue(own.key().toString().matches("10\\.5\\.\\d+\\.0-24"), own::toString);
        final MacAddress mac = Objects.requireNonNull(own.attributes().vtep()).mac();
        assertEquals(
                "{\"PublicIP\":\"192.168.0.1\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
                        + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + mac + "\"}}",
                value(own.key().toString()));
        final long remainingMs =
                Objects.requireNonNull(registries.get(0).status().ownUntilMs()) - System.currentTimeMillis();
        assertTrue(0 < remainingMs && remainingMs <= TimeUnit.HOURS.toMillis(24), () -> remainingMs + " ms");
        final String[] leases = etcd().ctl("lease", "list").lines().skip(1).toArray(String[]::new);
        assertEquals(1, leases.length);
        assertTrue(etcd().ctl("lease", "timetolive", leases[0]).contains("granted with TTL(86400s)"));
    }

    @Test
    void shouldKeepSubnetAndMacWhenStartedAgain() throws Exception {
        final Lease first = acquire(1);
        assertEquals(first, acquire(1));
    }

    @Test
    void shouldTakeThePreviousSubnetWhenItIsFree() throws Exception {
        final EtcdRegistry registry = registry();
        registry.config();
        final LeaseKey previous = LeaseKey.parse("10.5.77.0-24");
        assertEquals(previous, registry.acquire(request(1, previous)).key());
        final EtcdRegistry other = registry();
        other.config();
        assertNotEquals(previous, other.acquire(request(2, previous)).key());
    }

    /** flannel's parser takes such a key, and gives nobody else what it overlaps. */
    @Test
    void shouldLeaveAloneWhatAKeyWithHostBitsLiesIn() throws Exception {
        etcd().ctl("put", PREFIX + "/config", """
                {"Network":"10.5.0.0/28","SubnetLen":30,"Backend":{"Type":"vxlan"}}""");
        etcd().ctl("put", SUBNETS + "10.5.0.5-30", OTHER_VALUE);
        etcd().ctl("put", SUBNETS + "10.5.0.11-30", OTHER_VALUE.replace("0.9", "0.8"));
        final Lease own = acquire(1);
        assertEquals("10.5.0.12-30", own.key().toString());
        assertEquals(2, registries.get(0).status().refusals(), "they are of no use as leases");
    }

    @Test
    void shouldTakeAReservedSubnetWhenItsValueNamesTheNode() throws Exception {
        final LeaseKey reserved = LeaseKey.parse("10.5.44.0-24");
        etcd().ctl("put", SUBNETS + reserved, OTHER_VALUE.replace("00:09", "00:19"));
        for (int start = 0; start < 2; start++) {
            assertEquals(reserved, acquire(9).key());
            assertEquals("0", etcdLease(reserved), "it stays a reservation");
            assertNull(registries.get(start).status().ownUntilMs());
        }
        assertEquals("found 0 leases", etcd().ctl("lease", "list"));
    }

    @Test
    void shouldKeepAReservationWhenTheNodesAddressChanges() throws Exception {
        etcd().ctl("put", SUBNETS + "10.5.44.0-24", OTHER_VALUE);
        final Lease former = acquire(9);
        final EtcdRegistry moved = registry();
        moved.config();
        final Lease own = moved.acquire(NodeRequests.of("192.168.0.10", null, null, former));
        assertEquals(former.key(), own.key());
        assertTrue(value("10.5.44.0-24").contains("192.168.0.10"));
        assertEquals("0", etcdLease(own.key()));
    }

    @Test
    void shouldTakeOverThatTheOwnLeaseIsMadeAReservationAndALeaseAgain() throws Exception {
        final Lease own = follow(1);
        assertNotEquals("0", etcdLease(own.key()));
        final String wrong = OTHER_VALUE.replace("0.9", "0.1");
        etcd().ctl("put", SUBNETS + own.key(), wrong);
        awaitStored(own);
        assertEquals("0", etcdLease(own.key()), "what is put back is a reservation as well");
        etcd().wipe();
        etcd().start();
        awaitStored(own);
        assertEquals("0", etcdLease(own.key()), "etcd's loss does not end it");
        final String shorter = etcd().ctl("lease", "grant", "3600").replaceAll("lease (\\w+) granted.*", "$1");
        etcd().ctl(
                        "put",
                        "--lease=" + shorter,
                        SUBNETS + own.key(),
                        own.attributes().json());
        Await.until(
                "the lease is one of a day",
                TIMEOUT_MS,
                () -> etcd().ctl("lease", "timetolive", Long.toHexString(Long.parseLong(etcdLease(own.key()))))
                        .contains("granted with TTL(86400s)"));
    }

    @Test
    void shouldTakeALeaseWhenTheReservationIsDeleted() throws Exception {
        etcd().ctl("put", SUBNETS + "10.5.44.0-24", OTHER_VALUE);
        final Lease own = follow(9);
        etcd().ctl("del", SUBNETS + own.key());
        awaitStored(own);
        assertNotEquals("0", etcdLease(own.key()), "whoever deletes it has ended it");
    }

    @Test
    void shouldGiveUpALeaseThatTheNetworkNoLongerAllows() throws Exception {
        etcd().ctl("put", SUBNETS + "10.9.44.0-24", OTHER_VALUE);
        assertTrue(acquire(9).key().toString().startsWith("10.5."));
        assertEquals("", value("10.9.44.0-24"));
    }

    @Test
    void shouldNeverGiveOneSubnetTwiceWhenNodesStartTogether() throws Exception {
        etcd().ctl(
                        "put",
                        PREFIX + "/config",
                        "{\"Network\":\"10.5.0.0/24\",\"SubnetLen\":28,\"Backend\":{\"Type\":\"vxlan\"}}");
        final int nodes = 15; // all that there are: the first subnet is never given away
        final ExecutorService threads = Executors.newFixedThreadPool(nodes);
        try {
            final CountDownLatch go = new CountDownLatch(1);
            final List<Future<Lease>> leases = new ArrayList<>();
            for (int i = 1; i <= nodes; i++) {
                final int node = i;
                final EtcdRegistry registry = registry();
                registry.config();
                leases.add(threads.submit(() -> {
                    go.await();
                    return registry.acquire(request(node, null));
                }));
            }
            go.countDown();
            final Set<LeaseKey> keys = new HashSet<>();
            for (final Future<Lease> lease : leases) {
                assertTrue(keys.add(lease.get(TIMEOUT_MS, TimeUnit.MILLISECONDS).key()));
            }
        } finally {
            threads.shutdownNow();
        }
    }

    /** What is wrong with each is NetworkConfigReaderTest's; here, that it is said, and that a right one is taken when it comes. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'Backend':{'Type':'vxlan'}} | has no \"Network\"",
                "{'Network':'10.5.0.0/16','SubnetLen':17} | SubnetLen is 17, must be from 18 to 30",
                "{'Network':'10.5.0.0/16','SubnetMin':'10.5.9.0','SubnetMax':'10.5.8.0'} | above SubnetMax",
                "{'Network':'10.5.0.0/16','Backend':{'Type':'carrier-pigeon'}} | Backend.Type is \"carrier-pigeon\"",
                "{'Network': | etcd key /coreos.com/network/config:1:",
            })
    void shouldWaitForARightConfigAndNameWhatIsWrong(final String wrong, final String cause) throws Exception {
        etcd().ctl("put", PREFIX + "/config", wrong.replace('\'', '"'));
        final EtcdRegistry registry = registry();
        final CompletableFuture<NetworkConfig> config = CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return registry.config();
                    } catch (final InterruptedException stop) {
                        throw new IllegalStateException(stop);
                    }
                },
                // one of the common pool may be in the namespace of whoever it was made for
                task -> new Thread(task, "asker").start());
        Await.until(
                () -> cause + " in " + registry.status().trouble(),
                TIMEOUT_MS,
                () -> String.valueOf(registry.status().trouble()).contains(cause));
        etcd().ctl("put", PREFIX + "/config", "{\"Network\":\"10.5.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}");
        assertEquals(
                "10.5.0.0/16",
                String.valueOf(config.get(TIMEOUT_MS, TimeUnit.MILLISECONDS).network()));
    }

    @Test
    void shouldGiveEachSubnetOnceAndNameTheRangeWhenMoreNodesThanSubnetsStartTogether() throws Exception {
        // A /28 has four subnets of four addresses, of which the first is never given away.
        etcd().ctl(
                        "put",
                        PREFIX + "/config",
                        "{\"Network\":\"10.5.0.0/28\",\"SubnetLen\":30,\"Backend\":{\"Type\":\"vxlan\"}}");
        final int subnets = 3;
        final List<EtcdRegistry> racers = new ArrayList<>();
        for (int i = 0; i <= subnets; i++) {
            racers.add(registry());
            racers.get(i).config();
        }
        final ExecutorService threads = Executors.newFixedThreadPool(racers.size());
        try {
            for (int round = 0; round < RACES; round++) {
                etcd().ctl("del", "--prefix", SUBNETS);
                final CountDownLatch go = new CountDownLatch(1);
                final List<Future<Lease>> leases = new ArrayList<>();
                for (int i = 0; i < racers.size(); i++) {
                    final int node = i + 1;
                    leases.add(threads.submit(() -> {
                        go.await();
                        return racers.get(node - 1).acquire(request(node, null));
                    }));
                }
                go.countDown();
                assertGivenOnce(leases, subnets);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private void assertGivenOnce(final List<Future<Lease>> leases, final int subnets) throws Exception {
        final Set<String> given = new HashSet<>();
        int refused = 0;
        for (final Future<Lease> lease : leases) {
            try {
                final Lease taken = lease.get(TIMEOUT_MS, TimeUnit.MILLISECONDS);
                assertTrue(given.add(taken.key().toString()), taken::toString);
                assertEquals(taken.attributes().json(), value(taken.key().toString()));
            } catch (final ExecutionException failure) {
                refused++;
                assertEquals(
                        "no subnet is left from 10.5.0.4/30 to 10.5.0.12/30: remove leases of nodes that are gone,"
                                + " or widen the network",
                        String.valueOf(
                                Objects.requireNonNull(failure.getCause()).getMessage()));
            }
        }
        assertEquals(subnets, given.size());
        assertEquals(1, refused);
    }

    @Test
    void shouldTellThatTheConfigHasChangedSinceItWasRead() throws Exception {
        final EtcdConfig config = new EtcdConfig(
                new EtcdStore(new EtcdClient(List.of(URI.create(etcd().endpoint())), null, "", ""), PREFIX));
        config.read();
        etcd().ctl("put", PREFIX + "/config", "{ \"Network\": \"10.5.0.0/16\", \"Backend\": {\"Type\": \"vxlan\"}}");
        assertEquals("", config.change(), "the same in other words");
        etcd().ctl(
                        "put",
                        PREFIX + "/config",
                        "{\"Network\":\"10.5.0.0/16\",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":2}}");
        assertTrue(config.change().endsWith("start it anew on all nodes"), config.change());
        etcd().ctl("put", PREFIX + "/config", "{\"Network\":");
        assertTrue(config.change().endsWith("and would not start anew"), config.change());
        etcd().ctl("del", PREFIX + "/config");
        assertTrue(config.change().startsWith("etcd has no key " + PREFIX + "/config"), config.change());
        etcd().ctl("put", PREFIX + "/config", "{\"Network\":\"10.5.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}");
        assertEquals("", config.change(), "as it was");
    }

    @Test
    void shouldHearOfEveryChange() throws Exception {
        follow(1);
        etcd().ctl("put", SUBNETS + "10.5.200.0-24", OTHER_VALUE);
        awaitKnown("10.5.200.0-24", OTHER_VALUE);
        final String changed = OTHER_VALUE.replace("00:09", "00:19");
        etcd().ctl("put", SUBNETS + "10.5.200.0-24", changed);
        awaitKnown("10.5.200.0-24", changed);
        etcd().ctl("del", SUBNETS + "10.5.200.0-24");
        awaitKnown("10.5.200.0-24", null);
    }

    @Test
    void shouldIgnoreGarbageAndGoOn() throws Exception {
        follow(1);
        etcd().ctl("put", SUBNETS + "10.5.201.0-24", "{\"PublicIP\":");
        etcd().ctl("put", SUBNETS + "nonsense", OTHER_VALUE);
        etcd().ctl("put", SUBNETS + "10.5.200.0-24", OTHER_VALUE);
        awaitKnown("10.5.200.0-24", OTHER_VALUE);
        assertEquals(2, registries.get(0).status().refusals());
        assertEquals(null, known.get("10.5.201.0-24"));
    }

    @Test
    void shouldPutTheOwnLeaseBackWhenItIsDeletedByHand() throws Exception {
        final Lease own = follow(1);
        etcd().ctl("del", SUBNETS + own.key());
        Await.until(
                "the lease is back",
                TIMEOUT_MS,
                () -> own.attributes().json().equals(value(own.key().toString())));
    }

    @Test
    void shouldAskForAnotherSubnetWhenAnotherNodeHasTheOwn() throws Exception {
        final Lease own = follow(1);
        etcd().ctl("put", SUBNETS + own.key(), OTHER_VALUE);
        assertTrue(restart.await(TIMEOUT_MS, TimeUnit.MILLISECONDS), "a restart is asked for");
        assertEquals(OTHER_VALUE, value(own.key().toString()), "the other one's lease is left alone");
    }

    @Test
    void shouldMissNothingWhenEtcdIsKilledAndComesBack() throws Exception {
        follow(1);
        etcd().ctl("put", SUBNETS + "10.5.200.0-24", OTHER_VALUE);
        awaitKnown("10.5.200.0-24", OTHER_VALUE);
        etcd().kill();
        Await.until(
                "the loss is noticed",
                TIMEOUT_MS,
                () -> null != registries.get(0).status().trouble());
        assertEquals(OTHER_VALUE, known.get("10.5.200.0-24"), "what was known stays");
        etcd().start();
        final String changed = OTHER_VALUE.replace("00:09", "00:19");
        etcd().ctl("put", SUBNETS + "10.5.200.0-24", changed);
        awaitKnown("10.5.200.0-24", changed);
        assertEquals(null, registries.get(0).status().trouble());
    }

    @Test
    void shouldHearOfChangesWhenHistoryWasCompactedMeanwhile() throws Exception {
        follow(1);
        etcd().kill();
        Await.until(
                "the loss is noticed",
                TIMEOUT_MS,
                () -> null != registries.get(0).status().trouble());
        etcd().start();
        etcd().ctl("put", SUBNETS + "10.5.200.0-24", OTHER_VALUE.replace("00:09", "00:29"));
        etcd().ctl("put", SUBNETS + "10.5.200.0-24", OTHER_VALUE);
        final String revision = etcd().ctl("get", "--write-out=fields", PREFIX + "/config")
                .replaceAll("(?s).*\"Revision\" : (\\d+).*", "$1");
        etcd().ctl("compact", revision);
        awaitKnown("10.5.200.0-24", OTHER_VALUE);
    }

    @Test
    void shouldKeepWhatIsKnownAndPutItsOwnBackWhenTheDataIsWiped() throws Exception {
        final Lease own = follow(1);
        for (int i = 0; i < 20; i++) {
            etcd().ctl("put", SUBNETS + "10.5.200.0-24", OTHER_VALUE);
        }
        awaitKnown("10.5.200.0-24", OTHER_VALUE);
        etcd().wipe();
        etcd().start();
        Await.until(
                "the own lease is back",
                TIMEOUT_MS,
                () -> own.attributes().json().equals(value(own.key().toString())));
        assertEquals(OTHER_VALUE, known.get("10.5.200.0-24"), "a peer is not forgotten for that");
    }

    @Test
    void shouldCatchUpWhenEtcdWasStopped() throws Exception {
        follow(1);
        etcd().signal("STOP");
        etcd().signal("CONT");
        etcd().ctl("put", SUBNETS + "10.5.200.0-24", OTHER_VALUE);
        awaitKnown("10.5.200.0-24", OTHER_VALUE);
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
