/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.page;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The page's server on the loopback device, before there is a node, and whom it answers. */
class StatusPageTest {
    @TempDir
    private static Path directory = Path.of(".");

    private final StatusPage page = start(0);

    private static StatusPage start(final int port) {
        return StatusPage.start(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), directory);
    }

    @AfterEach
    void tearDown() {
        page.close();
    }

    private String send(final String request) throws IOException {
        try (Socket client = new Socket(InetAddress.getLoopbackAddress(), page.port())) {
            client.getOutputStream().write(request.getBytes(UTF_8));
            return new String(client.getInputStream().readAllBytes(), UTF_8);
        }
    }

    private String get(final String path) throws IOException {
        return send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1:8090", "localhost", "LOCALHOST:9999", "[::1]:1", "127.0.0.1"})
    void shouldAnswerWhoAsksForThisHost(final String host) throws IOException {
        final String answer = send("GET / HTTP/1.1\r\nhost:  " + host + " \r\n\r\n");
        assertTrue(answer.startsWith("HTTP/1.1 200 OK\r\n"), answer);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Host: evil.example:8090\r\n",
                "Host: localhost.evil.example\r\n",
                "Host: 192.0.2.1\r\n",
                "Host: 127.0.0.1.evil.example\r\n",
                "Host: [::1\r\n",
                "Host: \r\n",
                "X: y\r\n",
                "Host: localhost\r\nHost: evil.example\r\n"
            })
    void shouldRefuseWhoAsksForAnother(final String fields) throws IOException {
        for (final String path : new String[] {"/", "/api/status", "/api/explain?address=10.0.0.1"}) {
            final String answer = send("GET " + path + " HTTP/1.1\r\n" + fields + "\r\n");
            assertTrue(answer.startsWith("HTTP/1.1 421 Misdirected Request\r\n"), answer);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "192.0.2.7, 192.0.2.7:80, true",
        "192.0.2.7, 192.0.2.8:80, false",
        "192.0.2.7, localhost, true",
        "0.0.0.0, 192.0.2.8:80, true",
        "0.0.0.0, node.example, false",
        "::, [2001:db8::1]:80, true",
        "2001:db8::1, [2001:db8:0::1]:80, true",
        "2001:db8::1, 2001:db8::1, false"
    })
    void shouldKnowTheAddressThatItListensOn(final String listening, final String host, final boolean isOurs)
            throws IOException {
        assertEquals(isOurs, AskedHost.isOurs(host, InetAddress.getByName(listening)));
    }

    @Test
    void shouldLetThePageLoadNothingFromElsewhere() throws IOException {
        final String answer = get("/");
        assertTrue(
                answer.matches("(?s).*Content-Security-Policy: default-src 'none'; style-src 'sha256-[^']{44}';"
                        + " script-src 'sha256-[^']{44}'; connect-src 'self'; .*frame-ancestors 'none'\r\n.*"),
                answer);
        final String html = answer.substring(answer.indexOf("\r\n\r\n"));
        assertFalse(html.matches("(?s).*(src=|href=\"(?!data:)|@import|url\\().*"), "it is one file");
        assertTrue(html.endsWith("</html>\n"));
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            value = {
                "/api/status, 200, []",
                "/api/peers, 200, []",
                "/api/drops, 200, []",
                "/api/ports, 200, []",
                "/api/agents, 200, []",
                "/api/throughput, 200, []",
                "/api/explain?address=10.0.0.1, 404, weftd has no device yet",
                "/api/explain?address=@/etc/hostname, 400, '@/etc/hostname' is not an IP address",
                "/api/explain?address=%zz, 400, '%zz' is not an IP address",
                "/api/explain, 400, '' is not an IP address",
                "/api/explain?address=10.0.0.1&from=--device, 400, '--device' is not an IP address",
                "/api/, 404, not found",
                "/api/secrets, 404, not found",
                "/status.html, 404, not found"
            })
    void shouldAnswerWhatIsAsked(final String path, final int status, final String words) throws IOException {
        final String answer = get(path);
        assertTrue(answer.startsWith("HTTP/1.1 " + status + " "), answer);
        assertTrue(answer.endsWith("\r\n\r\n" + words + "\n"), answer);
    }

    @ParameterizedTest
    @ValueSource(strings = {"POST", "PUT", "DELETE", "OPTIONS"})
    void shouldLetNothingBeChanged(final String method) throws IOException {
        final String answer = send(method + " /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assertTrue(answer.startsWith("HTTP/1.1 405 "), answer);
    }

    @Test
    void shouldNameTheFlagWhenThePortIsTaken() {
        final StartupException refused = assertThrows(StartupException.class, () -> start(page.port()));
        assertTrue(
                String.valueOf(refused.getMessage()).contains("--status-page=127.0.0.1:" + page.port() + ": "),
                refused::getMessage);
    }
}
