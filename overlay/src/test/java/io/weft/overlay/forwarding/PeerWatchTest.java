/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.PathCheck;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.counters.PeerTable;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.agrona.CloseHelper;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PeerWatchTest {
    private static final IpAddress PEER = IpAddress.parse("192.168.100.2");
    private static final MacAddress MAC = MacAddress.parse("02:00:00:00:00:02");
    private static final MacAddress OTHER_MAC = MacAddress.parse("02:00:00:00:00:03");
    private static final long INTERVAL_MS = TimeUnit.MINUTES.toMillis(5);

    @TempDir
    private Path directory = Path.of(".");

    private final List<IngressPolicy> published = new ArrayList<>();
    private @Nullable CountersFile file;
    private @Nullable RoutingTables tables;
    private PeerTable peers = PeerTable.none(1);

    @BeforeEach
    void setUp() {
        file = CountersFile.create(directory.resolve("counters"), 8, 3, 1, 42, 2);
        peers = file.peers();
        tables = new RoutingTables(new RoutingContext()
                .vni(1)
                .vtepMac(MacAddress.parse("02:00:00:00:00:01"))
                .peerNumbers(peers::number));
    }

    @AfterEach
    void tearDown() {
        CloseHelper.closeAll(tables, file);
    }

    private RoutingTables tables() {
        return Objects.requireNonNull(tables);
    }

    private PeerWatch watch(final long checkIntervalMs) {
        return new PeerWatch(peers, null, checkIntervalMs, published::add);
    }

    private void addPeer() {
        final IpAddress gateway = IpAddress.parse("10.244.1.0");
        tables().addRoute(IpPrefix.parse("10.244.1.0/24"), gateway.toInetAddress());
        tables().addNeighbour(gateway.toInetAddress(), MAC);
        tables().addFdb(MAC, PEER.toInetAddress());
    }

    private void publish(final PeerWatch watch) {
        watch.ingressPolicy(new IngressPolicy.Builder(IngressPolicy.Sources.ANY)
                .node(List.of(PEER), List.of(IpPrefix.parse("10.244.1.0/24")))
                .build());
        tables().publish();
        watch.published(tables());
    }

    @Test
    void shouldNumberAPolicyAgainOnlyWhenAPeerIsNew() {
        try (PeerWatch watch = watch(INTERVAL_MS)) {
            publish(watch);
            assertEquals(1, published.size(), "there is no peer yet");
            addPeer();
            publish(watch);
            assertEquals(3, published.size(), "the peer got its number when the tables were published");
            publish(watch);
            assertEquals(4, published.size(), "it has the number still");
        }
    }

    private @Nullable PathCheck check() {
        return peers.read().get(0).check();
    }

    /** Three intervals, a minute, and a quarter of a second for the one peer. */
    @ParameterizedTest
    @CsvSource({"300000, 960500", "0, 0"})
    void shouldForgetAChecksResultWhenItIsTooOld(final long intervalMs, final long validMs) {
        try (PeerWatch watch = watch(intervalMs)) {
            addPeer();
            publish(watch);
            final long checkedMs = 1_000_000;
            watch.checked(PEER, peers.changes(), new PathCheck(PathState.OVERLAY, checkedMs, 0), 0);
            watch.look(checkedMs + validMs);
            assertNotNull(check());
            watch.look(checkedMs + validMs + 1);
            assertNull(check());
        }
    }

    /** It had begun when the peer had another MAC. */
    @Test
    void shouldNotTakeWhatWasFoundOfAnotherWay() {
        try (PeerWatch watch = watch(INTERVAL_MS)) {
            addPeer();
            publish(watch);
            assertEquals(Set.of(PEER), watch.takeChanged());
            final long before = watch.changes();
            publish(watch);
            assertEquals(Set.of(), watch.takeChanged(), "the same as it was");
            assertEquals(before, watch.changes());
            final PathCheck wrong = new PathCheck(PathState.MAC, 1_000, 0);
            watch.checked(PEER, before, wrong, 0);
            assertNotNull(check());
            tables().replaceNeighbour(IpAddress.parse("10.244.1.0").toInetAddress(), OTHER_MAC);
            tables().removeFdb(MAC);
            tables().addFdb(OTHER_MAC, PEER.toInetAddress());
            publish(watch);
            assertNull(check());
            assertEquals(Set.of(PEER), watch.takeChanged());
            watch.checked(PEER, before, wrong, 0);
            assertNull(check());
            watch.checked(PEER, watch.changes(), wrong, 0);
            assertNotNull(check());
        }
    }
}
