/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RequestTest {
    /** Of loopback's, that no other program is likely to listen on. */
    private static final String ADDRESS = "127.77.2.1";

    private static final String OTHER_ADDRESS = "127.77.2.2";
    private static final long DURATION_MS = 300;

    @BeforeAll
    static void serve() throws IOException {
        Peer.serve("requests", RequestServer.bind(ADDRESS));
    }

    @ParameterizedTest
    @CsvSource({"1, 100", "1, 10000", "64, 100", "64, 1000", "64, 10000"})
    void shouldCountAnsweredRequests(final int connections, final int answerLength) throws IOException {
        final long startNs = System.nanoTime();
        final long answered = RequestClient.keep(ADDRESS, connections, answerLength, DURATION_MS);
        assertTrue(answered > 0, "nothing was answered");
        assertTrue(System.nanoTime() - startNs >= TimeUnit.MILLISECONDS.toNanos(DURATION_MS), "it ended early");
    }

    @Test
    void shouldSetUpOneConnectionAfterTheOther() throws IOException {
        assertTrue(RequestClient.connect(ADDRESS, 64, 100, DURATION_MS) > 0, "no connection came to its end");
    }

    @Test
    void shouldFailWhenTheServerHangsUp() throws IOException {
        try (ServerSocket server = new ServerSocket(RequestServer.PORT, 4, InetAddress.getByName(OTHER_ADDRESS))) {
            Peer.serve("nothing", () -> server.accept().close());
            assertThrows(IOException.class, () -> RequestClient.keep(OTHER_ADDRESS, 1, 100, 60_000));
        }
    }

    @Test
    void shouldFailWhenNobodyListens() {
        assertThrows(IOException.class, () -> RequestClient.keep(OTHER_ADDRESS, 1, 100, 60_000));
    }
}
