/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.IcmpError;
import io.weft.dataplane.counters.PeerTable;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** ICMP errors of a real kernel, for datagrams of weft's own and for those that somebody else has made up. */
@RequiresRoot
class UnderlayErrorsTest {
    private static final int PORT = 8472;

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();
    private final NetworkNamespace namespace = resources.add(NetworkNamespace.create("icmp"));

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private DatagramSocket socket(final String address) {
        return resources.add(namespace.call(() -> {
            try {
                return new DatagramSocket(new InetSocketAddress(address, 0));
            } catch (final IOException failure) {
                throw new UncheckedIOException(failure);
            }
        }));
    }

    private static void send(final DatagramSocket from, final String to) throws IOException {
        from.send(new DatagramPacket(new byte[100], 100, new InetSocketAddress(to, PORT)));
    }

    private static @Nullable IcmpError lastError(final PeerTable peers, final int index) {
        return peers.read().get(index).lastError();
    }

    /** Nothing listens on the port of any: the kernel says so for all, and each that is not believed comes before one that is. */
    @ParameterizedTest
    @CsvSource({"127.0.0.1, 127.0.0.9, 127.0.0.2, 127.0.0.3", "fd00::1, fd00::9, fd00::2, fd00::3"})
    void shouldBelieveAnErrorForWhatWasSentFromHereAndNoOther(
            final String local, final String other, final String peer, final String marker) throws Exception {
        namespace.ip("link", "set", "lo", "up");
        for (final String address : Set.of("fd00::1", "fd00::9", "fd00::2", "fd00::3")) {
            namespace.ip("address", "add", address + "/128", "dev", "lo", "nodad");
        }
        final DatagramSocket own = socket(local);
        final CountersFile file = resources.add(CountersFile.create(directory.resolve("counters"), 8, 3, 1, 42, 2));
        final PeerTable peers = file.peers();
        peers.number(IpAddress.parse(peer));
        peers.number(IpAddress.parse(marker));
        try (UnderlayErrors errors = Objects.requireNonNull(namespace.call(
                () -> UnderlayErrors.open(IpAddress.parse(local), Set.of(own.getLocalPort()), PORT, peers)))) {
            send(socket(local), peer); // from here, and not by weft's port
            try (DatagramSocket elsewhere = namespace.call(() -> bound(other, own.getLocalPort()))) {
                send(elsewhere, peer);
            }
            send(own, marker);
            Await.until("an error for what was sent from here", Await.TIMEOUT_MS, () -> {
                errors.take(5);
                return null != lastError(peers, 1);
            });
            assertNull(lastError(peers, 0));
            send(own, peer);
            Await.until("an error of the peer", Await.TIMEOUT_MS, () -> {
                errors.take(6);
                return null != lastError(peers, 0);
            });
            assertEquals(
                    "port unreachable",
                    Objects.requireNonNull(lastError(peers, 0)).words());
        }
    }

    private static DatagramSocket bound(final String address, final int port) {
        try {
            return new DatagramSocket(new InetSocketAddress(address, port));
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
