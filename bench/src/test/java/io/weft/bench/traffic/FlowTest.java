/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FlowTest {
    private static final int LENGTH = 64;
    /** Of loopback's, that no other program is likely to listen on. */
    private static final String ADDRESS = "127.77.3.1";

    /** With the number of a test's flows behind it: a receiver's thread closes its socket when it looks again. */
    private static final String RECEIVERS = "127.77.3.";

    private static final String OTHER_ADDRESS = "127.77.3.2";
    private static final long DURATION_MS = 200;

    @ParameterizedTest
    @ValueSource(ints = {1, 100})
    void shouldCountWhatCame(final int flows) throws IOException {
        try (PayloadReceiver receiver = PayloadReceiver.ofFlows(RECEIVERS + (100 + flows));
                FlowSender sender = new FlowSender(ADDRESS, RECEIVERS + (100 + flows), flows, LENGTH)) {
            final long sentBytes = sender.send(DURATION_MS);
            assertTrue(sentBytes > 0 && sentBytes % LENGTH == 0, () -> "sent " + sentBytes);
            Await.until(() -> "something came", Await.TIMEOUT_MS, () -> receiver.receivedBytes() > 0);
            assertTrue(receiver.receivedBytes() <= sentBytes);
        }
    }

    @Test
    void shouldSendFromAsManyPortsAsThereAreFlows() throws IOException {
        try (DatagramSocket socket = new DatagramSocket(FlowSender.PORT, InetAddress.getByName(OTHER_ADDRESS));
                FlowSender sender = new FlowSender(ADDRESS, OTHER_ADDRESS, 16, LENGTH)) {
            sender.send(DURATION_MS);
            final Set<Integer> ports = new HashSet<>();
            final DatagramPacket packet = new DatagramPacket(new byte[LENGTH], LENGTH);
            for (int i = 0; i < 16; i++) {
                socket.receive(packet);
                ports.add(packet.getPort());
            }
            assertEquals(16, ports.size());
        }
    }

    @Test
    void shouldNameTheSocketThatCannotBeOpened() {
        final IOException failure =
                assertThrows(IOException.class, () -> new FlowSender("192.0.2.1", ADDRESS, 3, LENGTH).close());
        assertTrue(failure.toString().contains("open socket 1 of 3: "), failure::toString);
    }
}
