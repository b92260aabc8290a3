/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.dataplane.counters.PathCheck;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.lease.BackendType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The loopback device is a peer that answers on the underlay and through the overlay. */
@RequiresRoot
class PeerMonitorTest {
    private static final String DEVICE = "weft.1";
    private static final ProbedTunnel TUNNEL = new ProbedTunnel(
            BackendType.VXLAN, 1, 8472, List.of(), List.of(IpPrefix.parse("10.244.0.0/16")), List.of());

    @TempDir
    private Path directory = Path.of(".");

    private final AtomicInteger checks = new AtomicInteger();
    private final Queue<String> found = new ConcurrentLinkedQueue<>();

    private void writeTables() {
        try {
            Files.writeString(directory.resolve(DEVICE + ".tables"), """
                            route 127.0.0.2/32 via 10.244.1.0 dev weft.1 onlink
                            neigh 10.244.1.0 dev weft.1 lladdr 02:00:00:00:00:02 PERMANENT
                            fdb 02:00:00:00:00:02 dev weft.1 dst 127.0.0.3 self permanent
                            """);
        } catch (final IOException failure) {
            throw new AssertionError(failure);
        }
    }

    /** Fails in another way with each check, and at last in none. */
    private int podMtu() {
        return switch (checks.getAndIncrement()) {
            case 0 -> throw new IllegalStateException("the first check's");
            case 1 -> throw new OutOfMemoryError("the second check's");
            case 2 -> throw new StackOverflowError();
            case 3 -> 1450; // there are no tables yet
            default -> {
                writeTables();
                yield 1450;
            }
        };
    }

    private void take(final PathCheck check) {
        if (checks.get() <= 5) {
            throw new IllegalArgumentException("the taker's, of check " + checks);
        }
        found.add(check.state().label() + (check.rttNs() > 0 ? " after a while" : ""));
    }

    @Test
    void shouldCheckOnWhateverACheckRunsInto() {
        try (NetworkNamespace namespace = NetworkNamespace.create("monitor")) {
            namespace.ip("link", "set", "lo", "up");
            final PeerMonitor monitor = namespace.call(() -> PeerMonitor.start(
                    directory,
                    List.of(DEVICE),
                    TUNNEL,
                    this::podMtu,
                    1,
                    (device, peer, changes, check, mtu) -> take(check)));
            Await.until(() -> "check " + checks, Await.TIMEOUT_MS, () -> !found.isEmpty());
            monitor.close();
            final int ended = checks.get();
            assertEquals("ok after a while", found.peek());
            assertEquals(ended, checks.get(), "it has ended");
        }
    }

    /** Also where they could not be asked when they were due. */
    @Test
    void shouldAskThoseThatHaveChangedLongBeforeTheNextCheckOfAll() {
        writeTables();
        try (NetworkNamespace namespace = NetworkNamespace.create("monitor")) {
            namespace.ip("link", "set", "lo", "up");
            final AtomicInteger opened = new AtomicInteger();
            final PeerMonitor monitor = namespace.call(() -> PeerMonitor.start(
                    directory,
                    List.of(DEVICE),
                    TUNNEL,
                    () -> {
                        if (0 == opened.getAndIncrement()) {
                            throw new IllegalStateException("no address to ask from");
                        }
                        return 1450;
                    },
                    TimeUnit.HOURS.toMillis(1),
                    (device, peer, changes, check, mtu) ->
                            found.add(peer + " " + check.state().label() + " as of " + changes)));
            monitor.changed(DEVICE, Set.of(IpAddress.parse("127.0.0.3")), 7);
            Await.until(() -> "opened " + opened + " times", Await.TIMEOUT_MS, () -> !found.isEmpty());
            monitor.close();
            assertEquals("127.0.0.3 ok as of 7", found.peek());
        }
    }

    /** The host has no route to the second of its subnets. */
    @Test
    void shouldTellAPeerByTheWorstOfTheWaysToIt() throws IOException {
        writeTables();
        Files.writeString(
                directory.resolve(DEVICE + ".tables"),
                "route 192.0.2.0/24 via 10.244.1.0 dev weft.1 onlink\n",
                StandardOpenOption.APPEND);
        try (NetworkNamespace namespace = NetworkNamespace.create("monitor")) {
            namespace.ip("link", "set", "lo", "up");
            final PeerMonitor monitor = namespace.call(() -> PeerMonitor.start(
                    directory,
                    List.of(DEVICE),
                    TUNNEL,
                    () -> 1450,
                    1,
                    (device, peer, changes, check, mtu) ->
                            found.add(peer + " " + check.state().label())));
            Await.until("a check", Await.TIMEOUT_MS, () -> found.size() > 1);
            monitor.close();
            assertEquals(Set.of("127.0.0.3 local"), Set.copyOf(found));
        }
    }
}
