/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.weft.linux.testing.Await;
import io.weft.overlay.registry.Certificates;
import io.weft.overlay.registry.UnavailableException;
import io.weft.overlay.registry.tls.TlsFiles;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is said of a server that cannot be reached tells one cause from another. */
class UnreachableServerTest {
    /** Longer than a label of a domain name may be (RFC 1035, 2.3.4): no server is asked for it. */
    private static final String NO_NAME = "n".repeat(64);

    @TempDir
    private Path directory = Path.of(".");

    private static String reason(final @Nullable TlsFiles tls, final String uri) {
        final RegistryHttp http = new RegistryHttp(tls, Duration.ofMinutes(1));
        final IOException failure = assertThrows(
                IOException.class,
                () -> http.call(HttpRequest.newBuilder(URI.create(uri)).build()));
        return String.valueOf(UnavailableException.unreachable("etcd", failure).getMessage());
    }

    @Test
    void shouldSayThatTheNameIsNotKnown() {
        assertEquals(
                "etcd cannot be reached: the name has no address here: look at /etc/hosts and /etc/resolv.conf"
                        + " (getent hosts NAME)",
                reason(null, "http://" + NO_NAME + ":2379/"));
    }

    @Test
    void shouldSayThatNobodyListens() throws Exception {
        final int port;
        try (ServerSocket closed = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = closed.getLocalPort();
        }
        assertEquals(
                "etcd cannot be reached: the connection was refused, or its host is not there: see whether it runs, and"
                        + " listens at that address and port",
                reason(null, "http://127.0.0.1:" + port + "/"));
    }

    @Test
    void shouldSayThatTheServerDoesNotSpeakTls() throws Exception {
        final Certificates certificates = new Certificates(directory);
        certificates.issue("client");
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            final Thread thread = new Thread(() -> answer(server));
            thread.start();
            assertEquals(
                    "etcd cannot be reached: what answers does not speak TLS: http:// is its scheme, or its port is another",
                    reason(certificates.tls("client"), "https://127.0.0.1:" + server.getLocalPort() + "/"));
            thread.join(Await.TIMEOUT_MS);
            assertFalse(thread.isAlive());
        }
    }

    /** As etcd does without TLS, whatever comes. */
    private static void answer(final ServerSocket server) {
        try (Socket client = server.accept()) {
            client.getOutputStream().write("HTTP/1.1 400 Bad Request\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            client.getInputStream().readAllBytes();
        } catch (final IOException gone) {
            // it has heard enough
        }
    }
}
