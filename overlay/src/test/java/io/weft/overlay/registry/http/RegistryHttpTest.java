/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsExchange;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import io.weft.linux.testing.Await;
import io.weft.overlay.registry.Certificates;
import io.weft.overlay.registry.UnavailableException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Certificates that are renewed while they are in use, against a server that says whom it sees. */
class RegistryHttpTest {
    @TempDir
    private Path directory = Path.of(".");

    private static HttpsServer serve(final Certificates certificates, final int port) throws IOException {
        final HttpsServer server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.setHttpsConfigurator(
                new HttpsConfigurator(certificates.tls("server").context()) {
                    @Override
                    public void configure(final HttpsParameters parameters) {
                        final SSLParameters wanted = getSSLContext().getDefaultSSLParameters();
                        wanted.setNeedClientAuth(true);
                        parameters.setSSLParameters(wanted);
                    }
                });
        server.createContext("/", exchange -> {
            final byte[] name = ((HttpsExchange) exchange)
                    .getSSLSession()
                    .getPeerPrincipal()
                    .getName()
                    .getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, name.length);
            exchange.getResponseBody().write(name);
            exchange.close();
        });
        server.start();
        return server;
    }

    private static String whoami(final RegistryHttp http, final int port) throws Exception {
        return new String(
                http.call(HttpRequest.newBuilder(URI.create("https://127.0.0.1:" + port + "/"))
                                .build())
                        .body(),
                StandardCharsets.UTF_8);
    }

    /** All that a name has for an etcd of three members, of which the first is dead: by its name it is called and looked at all the same. */
    @ParameterizedTest
    @CsvSource({"false, localhost", "true, localhost", "false, localhost.", "true, localhost."})
    void shouldCallTheAddressOfANameThatTakesConnections(final boolean isTls, final String name) throws Exception {
        final Certificates certificates = new Certificates(directory);
        certificates.issueFor("server", "DNS:localhost");
        final InetSocketAddress place = new InetSocketAddress("127.0.0.2", 0);
        final HttpServer server;
        if (isTls) {
            final HttpsServer secure = HttpsServer.create(place, 0);
            secure.setHttpsConfigurator(
                    new HttpsConfigurator(certificates.tls("server").context()));
            server = secure;
        } else {
            server = HttpServer.create(place, 0);
        }
        server.createContext("/", exchange -> {
            final byte[] asked = (exchange.getRequestHeaders().getFirst("Host") + ' ' + exchange.getRequestURI())
                    .getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, asked.length);
            exchange.getResponseBody().write(asked);
            exchange.close();
        });
        server.start();
        try {
            final String authority = name + ':' + server.getAddress().getPort();
            final RegistryHttp http = new RegistryHttp(
                    isTls ? certificates.tls("server") : null,
                    null,
                    Duration.ofMinutes(1),
                    host -> List.of(loopback(1), loopback(3), loopback(2)));
            final URI url = URI.create((isTls ? "https://" : "http://") + authority + "/v3/kv?a=%20b");
            for (int i = 0; i < 2; i++) {
                final byte[] body =
                        http.call(HttpRequest.newBuilder(url).build()).body();
                assertEquals(authority + " /v3/kv?a=%20b", new String(body, StandardCharsets.UTF_8));
            }
        } finally {
            server.stop(0);
        }
    }

    /** A member that is stopped, as by SIGSTOP: its kernel takes connections, and nobody answers. */
    @Test
    void shouldCallTheNextAddressOfANameAfterOneThatDoesNotAnswer() throws Exception {
        final HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.2", 0), 0);
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        server.start();
        final int port = server.getAddress().getPort();
        try (ServerSocket silent = new ServerSocket()) {
            silent.bind(new InetSocketAddress("127.0.0.3", port));
            final RegistryHttp http = new RegistryHttp(
                    null, null, Duration.ofSeconds(5), host -> List.of(loopback(1), loopback(3), loopback(2)));
            final HttpRequest request = HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/"))
                    .build();
            Await.until(() -> "an answer by 127.0.0.2", Await.TIMEOUT_MS, () -> isAnswered(http, request));
            assertEquals(200, http.call(request).statusCode());
        } finally {
            server.stop(0);
        }
    }

    @Test
    void shouldSayThatANameWithTheRootsDotIsNotKnown() {
        final RegistryHttp http = new RegistryHttp(null, null, Duration.ofMinutes(1), host -> List.of());
        final HttpRequest request =
                HttpRequest.newBuilder(URI.create("http://localhost.:1/")).build();
        assertThrows(UnknownHostException.class, () -> http.call(request));
    }

    @Test
    void shouldKeepAnAddressThatAnswersWhileNoNameServerDoes() throws Exception {
        final ServerAddresses addresses = new ServerAddresses(
                host -> "known".equals(host) ? List.of(loopback(1), loopback(2), loopback(3)) : List.of());
        assertEquals(3, addresses.next("known", null));
        assertEquals(loopback(2), addresses.of("known"));
        assertEquals(3, addresses.next("known", loopback(2)));
        assertEquals(loopback(3), addresses.of("known"));
        assertEquals(3, addresses.next("known", loopback(3)));
        assertNull(addresses.of("known")); // the first is called by the name

        final AtomicReference<List<InetAddress>> answer = new AtomicReference<>(List.of(loopback(1), loopback(2)));
        final ServerAddresses forgotten = new ServerAddresses(host -> answer.get());
        assertEquals(2, forgotten.next("name", null));
        answer.set(List.of());
        assertEquals(0, forgotten.next("name", loopback(2)));
        assertEquals(loopback(2), forgotten.of("name"));
        answer.set(List.of(loopback(2)));
        assertEquals(1, forgotten.next("name", loopback(2)));
        assertNull(forgotten.of("name"));
    }

    private static boolean isAnswered(final RegistryHttp http, final HttpRequest request) {
        try {
            return 200 == http.call(request).statusCode();
        } catch (final IOException late) {
            return false;
        } catch (final InterruptedException stop) {
            throw new AssertionError(stop);
        }
    }

    private static InetAddress loopback(final int last) {
        try {
            return InetAddress.getByAddress(new byte[] {127, 0, 0, (byte) last});
        } catch (final UnknownHostException impossible) {
            throw new AssertionError(impossible);
        }
    }

    @Test
    void shouldTellThatTheClockIsWrongWhenTheCertificateIsNotValidYet() throws Exception {
        assumeTrue(Files.exists(Path.of("/usr/bin/faketime")), "needs Debian's faketime");
        final Certificates certificates = new Certificates(directory);
        certificates.issueAhead("server");
        certificates.issue("client");
        final RegistryHttp http = new RegistryHttp(certificates.tls("client"), Duration.ofMinutes(1));
        final HttpsServer server = serve(certificates, 0);
        try {
            final IOException failure = assertThrows(
                    IOException.class, () -> whoami(http, server.getAddress().getPort()));
            final String words = String.valueOf(
                    UnavailableException.unreachable("etcd", failure).getMessage());
            assertTrue(
                    words.matches(
                            "etcd cannot be reached: its certificate is not valid yet by this node's clock, which says"
                                    + " \\S+Z \\(NotBefore: .*\\): set the clock \\(timedatectl, chronyc tracking\\)"),
                    words);
        } finally {
            server.stop(0);
        }
    }

    private void move(final String from, final String to) throws IOException {
        for (final String kind : new String[] {".crt", ".key"}) {
            Files.move(
                    directory.resolve(from + kind), directory.resolve(to + kind), StandardCopyOption.REPLACE_EXISTING);
        }
    }

    @Test
    void shouldShowTheCertificateThatIsInTheFileNow() throws Exception {
        final Certificates certificates = new Certificates(directory);
        certificates.issue("server");
        certificates.issue("first");
        certificates.issueElliptic("second");
        move("first", "client");
        final RegistryHttp http = new RegistryHttp(certificates.tls("client"), Duration.ofMinutes(1));
        HttpsServer server = serve(certificates, 0);
        final int port = server.getAddress().getPort();
        try {
            assertEquals("CN=first", whoami(http, port));
            move("second", "client");
            assertEquals("CN=second", whoami(http, port));
            server.stop(0);
            final Certificates others = new Certificates(
                    directory.resolve("others").toFile().mkdir() ? directory.resolve("others") : directory);
            others.issue("server");
            others.issue("third");
            server = serve(others, port);
            assertThrows(SSLException.class, () -> whoami(http, port), "a server of another authority");
            for (final String kind : new String[] {".crt", ".key"}) {
                Files.copy(
                        Path.of(others.file("third" + kind)),
                        directory.resolve("client" + kind),
                        StandardCopyOption.REPLACE_EXISTING);
            }
            Files.copy(
                    Path.of(others.file("ca.crt")), directory.resolve("ca.crt"), StandardCopyOption.REPLACE_EXISTING);
            assertEquals("CN=third", whoami(http, port));
        } finally {
            server.stop(0);
        }
    }
}
