/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.PeerTable;
import io.weft.dataplane.underlay.UnansweredPeers;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.agrona.CloseHelper;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A peer on the link that is not there, and looks that the test takes, by a clock of its own. */
@RequiresRoot
class PeerNeighboursTest {
    private static final String OWN = "192.168.100.1";
    private static final String OWN_V6 = "fd00:100::1";
    private static final String DEAD = "192.168.100.77";
    private static final String DEAD_V6 = "fd00:100::77";
    private static final int PORT = 8_472;

    @TempDir
    private Path directory = Path.of(".");

    private final NetworkNamespace host = NetworkNamespace.create("host");
    private final NetworkNamespace link = NetworkNamespace.create("link");
    private @Nullable CountersFile file;
    private UnansweredPeers unanswered = new UnansweredPeers(1);
    private long sent;
    private long nowNs;

    @BeforeEach
    void setUp() {
        host.vethTo("eth0", link, "port0", 1500);
        host.ip("address", "add", OWN + "/24", "dev", "eth0");
        host.ip("address", "add", OWN_V6 + "/64", "dev", "eth0", "nodad");
    }

    @AfterEach
    void tearDown() {
        CloseHelper.close(file);
        host.close();
        link.close();
    }

    /** What a test does with a peer that has a row. */
    private interface Story {
        void tell(int peer, PeerNeighbours neighbours, int linkIndex) throws IOException;
    }

    private void tell(final String address, final Story story) {
        host.call(() -> {
            final CountersFile counters = CountersFile.create(directory.resolve("counters"), 8, 3, 1, 42, 2);
            file = counters;
            final PeerTable peers = counters.peers();
            final int peer = peers.number(IpAddress.parse(address));
            unanswered = new UnansweredPeers(peers.rows());
            final String own = address.contains(":") ? OWN_V6 : OWN;
            try (Rtnetlink rtnetlink = Rtnetlink.open();
                    PeerNeighbours neighbours = new PeerNeighbours(
                            peers, unanswered, IpAddress.parse(own).toInetAddress(), PORT, () -> sent, () -> nowNs)) {
                story.tell(
                        peer, neighbours, rtnetlink.link("eth0").orElseThrow().index());
            }
            return null;
        });
    }

    private void send(final String address) {
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.send(new DatagramPacket(new byte[1], 1, new InetSocketAddress(address, PORT)));
        } catch (final IOException unreachable) {
            // so the host says once it has asked in vain
        }
        sent++;
    }

    /** Sends, and looks, until it is found out. */
    private void awaitRefused(final String address, final int peer, final PeerNeighbours neighbours, final int index) {
        Await.until(address + " is refused", Await.TIMEOUT_MS, () -> {
            send(address);
            neighbours.look(index);
            neighbours.look(index);
            return unanswered.refuses(peer);
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {DEAD, DEAD_V6})
    void shouldAdmitWhoAnswersAgain(final String address) {
        tell(address, (peer, neighbours, index) -> {
            awaitRefused(address, peer, neighbours, index);
            link.ip("address", "add", address + (address.contains(":") ? "/64" : "/24"), "dev", "port0");
            Await.until(address + " is admitted", Await.TIMEOUT_MS, () -> {
                final boolean isRefused = unanswered.refuses(peer); // there is a packet for it
                neighbours.look(index);
                return !isRefused;
            });
        });
    }

    @Test
    void shouldForgetWhomNobodyHasPacketsFor() {
        tell(DEAD, (peer, neighbours, index) -> {
            awaitRefused(DEAD, peer, neighbours, index);
            // while the kernel asks, it is asked; from then on it is quiet
            Await.until("the kernel gives up", Await.TIMEOUT_MS, () -> {
                neighbours.look(index);
                return host.ip("neigh", "show", "dev", "eth0", "nud", "incomplete")
                        .isBlank();
            });
            neighbours.look(index);
            assertTrue(unanswered.refuses(peer));
            neighbours.look(index); // takes that there was a packet for it just now
            nowNs += TimeUnit.MINUTES.toNanos(1);
            Await.until("it is forgotten", Await.TIMEOUT_MS, () -> {
                neighbours.look(index);
                return host.ip("neigh", "show", "dev", "eth0", "nud", "incomplete")
                        .isBlank();
            });
            neighbours.look(index);
            assertFalse(unanswered.refuses(peer));
            neighbours.look(index);
            assertFalse(unanswered.refuses(peer), "also while the kernel remembers that it asked in vain");
        });
    }

    @Test
    void shouldAdmitWhoIsReachedByAnotherWay() {
        tell(DEAD, (peer, neighbours, index) -> {
            awaitRefused(DEAD, peer, neighbours, index);
            link.ip("address", "add", "192.168.100.2/24", "dev", "port0");
            host.ip("route", "add", DEAD + "/32", "via", "192.168.100.2");
            Await.until(DEAD + " is admitted", Await.TIMEOUT_MS, () -> {
                final boolean isRefused = unanswered.refuses(peer);
                neighbours.look(index);
                return !isRefused;
            });
        });
    }

    /** The kernel asks for it meanwhile as before: it was heard of by another way than the one that is asked on. */
    @Test
    void shouldRefuseWhoIsHeardOfAndDoesNotAnswer() {
        tell(DEAD, (peer, neighbours, index) -> {
            awaitRefused(DEAD, peer, neighbours, index);
            unanswered.hear(peer);
            assertFalse(unanswered.refuses(peer));
            awaitRefused(DEAD, peer, neighbours, index);
        });
    }

    @Test
    void shouldRefuseNobodyBehindAGatewayThatIsThere() {
        link.ip("address", "add", "192.168.100.2/24", "dev", "port0");
        host.ip("route", "add", DEAD + "/32", "via", "192.168.100.2");
        tell(DEAD, (peer, neighbours, index) -> {
            for (int i = 0; i < 3; i++) {
                send(DEAD);
                neighbours.look(index);
                assertFalse(unanswered.refuses(peer));
            }
        });
    }
}
