/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.CloseAll;
import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The server of health and metrics, on the loopback device, with clients as they are. */
class HealthServerTest {
    private static final Duration PATIENCE = Duration.ofMinutes(1);
    private static final int CLIENTS = 3 * ExchangeServer.CONNECTIONS_MAX;
    private static final String METRICS = "m 1\n".repeat(1 << 20);

    private final CloseAll clients = new CloseAll();
    private String hung = "";
    private String unready = "";
    private HealthServer server = start(0);

    private HealthServer start(final int port) {
        return start("127.0.0.1", port);
    }

    private HealthServer start(final String ip, final int port) {
        return HealthServer.start(ip, port, () -> hung, () -> unready, () -> METRICS);
    }

    @BeforeEach
    void setUp() {
        hung = "";
        unready = "";
    }

    @AfterEach
    void tearDown() {
        clients.close();
        server.close();
    }

    private HttpResponse<String> send(final HttpRequest.Builder request, final String path) throws Exception {
        return HttpClient.newHttpClient()
                .send(
                        request.uri(URI.create("http://127.0.0.1:" + server.port() + path))
                                .timeout(PATIENCE)
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
    }

    private HttpResponse<String> get(final String path) throws Exception {
        return send(HttpRequest.newBuilder(), path);
    }

    private Socket connect(final String sent) throws IOException {
        final Socket client = clients.add(new Socket(InetAddress.getLoopbackAddress(), server.port()));
        client.setSoTimeout((int) PATIENCE.toMillis());
        client.getOutputStream().write(sent.getBytes(US_ASCII));
        return client;
    }

    @Test
    void shouldListenOnANameAsFlanneldDoes() throws Exception {
        server.close();
        server = start("localhost", 0);
        assertEquals(200, get("/healthz").statusCode());
    }

    @ParameterizedTest
    @CsvSource({"/healthz, 200, flanneld is running", "/readyz, 200, flanneld is ready", "/nothing, 404, not found"})
    void shouldAnswerInFlanneldsWords(final String path, final int status, final String words) throws Exception {
        final HttpResponse<String> response = get(path);
        assertEquals(status, response.statusCode());
        assertEquals(words, response.body().strip());
        assertEquals(status, get(path + "?probe=1").statusCode());
    }

    @Test
    void shouldTellWhyItIsNotReady() throws Exception {
        unready = "rules: iptables-save: exit code 4\n";
        final HttpResponse<String> response = get("/readyz");
        assertEquals(503, response.statusCode());
        assertEquals(unready, response.body());
        assertEquals(200, get("/healthz").statusCode());
    }

    @Test
    void shouldNotBeHealthyWhileADataThreadStandsStill() throws Exception {
        hung = "data thread weft-worker-0 of weft.1 stands still\n";
        final HttpResponse<String> response = get("/healthz");
        assertEquals(503, response.statusCode());
        assertEquals(hung, response.body());
        hung = "";
        assertEquals(200, get("/healthz").statusCode());
    }

    @Test
    void shouldGiveAllMetricsWithTheirLengthAndNoneToHead() throws Exception {
        final HttpResponse<String> response = get("/metrics");
        assertEquals(METRICS, response.body());
        assertEquals(
                METRICS.length(),
                response.headers().firstValueAsLong("Content-Length").orElseThrow());
        final HttpResponse<String> head =
                send(HttpRequest.newBuilder().method("HEAD", HttpRequest.BodyPublishers.noBody()), "/metrics");
        assertEquals(200, head.statusCode());
        assertEquals("", head.body());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "GET /", "GET /healthz HTTP/1.1\r\nHost: x\r\n", "\u0016\u0003\u0001"})
    void shouldAnswerBesideAnyNumberOfConnectionsThatAreHalfOpen(final String sent) throws Exception {
        for (int i = 0; i < CLIENTS; i++) {
            connect(sent);
        }
        assertEquals(200, get("/healthz").statusCode());
    }

    @Test
    void shouldAnswerBesideClientsThatDoNotReadTheirAnswer() throws Exception {
        for (int i = 0; i < CLIENTS; i++) {
            connect("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        }
        assertEquals(200, get("/healthz").statusCode());
    }

    @Test
    void shouldEndAConnectionThatIsHalfOpenForLong() throws Exception {
        final Socket client = connect("GET /hea");
        assertEquals(-1, client.getInputStream().read());
    }

    @ParameterizedTest
    @ValueSource(strings = {"nonsense\r\n\r\n", "GET healthz HTTP/1.1\r\n\r\n", "GET /healthz HTTP/2.0\n\n"})
    void shouldRefuseWhatIsNoRequest(final String sent) throws Exception {
        final String answer = new String(connect(sent).getInputStream().readAllBytes(), UTF_8);
        assertTrue(answer.startsWith("HTTP/1.1 400 "), answer);
    }

    /** RFC 9110, 15.5.15, and RFC 6585, 5. */
    @ParameterizedTest
    @CsvSource({"GET /healthz HTTP/1.1|X: , 431", "GET /, 414", "GET /api/explain?address=, 414", "nonsense, 400"})
    void shouldSayWhatIsTooLong(final String begin, final int status) throws Exception {
        final String sent = begin.replace("|", "\r\n") + "x".repeat(1 << 20);
        final String answer = new String(connect(sent).getInputStream().readAllBytes(), UTF_8);
        assertTrue(answer.startsWith("HTTP/1.1 " + status + " "), answer);
    }

    @Test
    void shouldAnswerARequestThatComesInParts() throws Exception {
        final Socket client = connect("");
        for (final char part : "GET /healthz HTTP/1.0\n\n".toCharArray()) {
            client.getOutputStream().write(part);
        }
        final String answer = new String(client.getInputStream().readAllBytes(), UTF_8);
        assertTrue(answer.endsWith("\r\n\r\nflanneld is running"), answer);
    }

    @Test
    void shouldNameFlagsWhenThePortIsTaken() {
        final StartupException refused = assertThrows(StartupException.class, () -> start(server.port()));
        assertTrue(String.valueOf(refused.getMessage()).contains("--healthz-port=" + server.port()));
    }

    @Test
    void shouldFreeThePortWhenClosed() {
        final int port = server.port();
        server.close();
        server = start(port);
        assertEquals(port, server.port());
    }
}
