/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import static java.lang.System.Logger.Level.WARNING;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.address.IpAddress;
import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * {@code /healthz} and {@code /readyz} in flanneld's words (flannel main.go), and {@code /metrics}, by HTTP/1.1 with a
 * connection for each request (RFC 9112). One thread answers, on which the suppliers are called; why not by the HTTP server of
 * the JDK, decision 59 tells.
 */
public final class HealthServer implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(HealthServer.class.getName());
    private static final int HEAD_LENGTH_MAX = 8192;
    private static final Pattern REQUEST_LINE =
            Pattern.compile("(?<method>[A-Z]+) (?<path>/[^ ?]*)(\\?[^ ]*)? HTTP/1\\.[01]\r?\n");
    private static final Pattern END_OF_HEAD = Pattern.compile("\n\r?\n");
    private static final String TEXT = "text/plain; charset=utf-8";
    /** Prometheus text exposition format, version 0.0.4. */
    private static final String METRICS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

    private final ExchangeServer exchanges;
    private final int port;

    /** What a request gets. */
    private record Response(String status, String type, String body) {
        static Response ok(final String type, final String body) {
            return new Response("200 OK", type, body);
        }

        ByteBuffer bytes(final boolean isHead) {
            final byte[] content = body.getBytes(UTF_8);
            final byte[] head = ("HTTP/1.1 " + status + "\r\nDate: "
                            + DateTimeFormatter.RFC_1123_DATE_TIME.format(ZonedDateTime.now(ZoneOffset.UTC))
                            + "\r\nContent-Type: " + type + "\r\nContent-Length: " + content.length
                            + "\r\nConnection: close\r\n\r\n")
                    .getBytes(UTF_8);
            final ByteBuffer bytes = ByteBuffer.allocate(head.length + (isHead ? 0 : content.length))
                    .put(head);
            return (isHead ? bytes : bytes.put(content)).flip();
        }
    }

    private HealthServer(final ExchangeServer exchanges, final int port) {
        this.exchanges = exchanges;
        this.port = port;
    }

    /**
     * Starts to answer.
     *
     * @param ip that it listens on.
     * @param port that it listens on.
     * @param unready why the node is not ready; empty when it is.
     * @param metrics text of all metrics.
     * @throws StartupException when it cannot listen.
     */
    public static HealthServer start(
            final String ip, final int port, final Supplier<String> unready, final Supplier<String> metrics) {
        try {
            final ServerSocketChannel server = ServerSocketChannel.open();
            try {
                server.bind(
                        new InetSocketAddress(IpAddress.parse(ip).toInetAddress(), port),
                        ExchangeServer.CONNECTIONS_MAX);
            } catch (final IOException | IllegalArgumentException failure) {
                server.close();
                throw failure;
            }
            final int boundPort = server.socket().getLocalPort();
            return new HealthServer(
                    ExchangeServer.start(
                            "weft-http",
                            server,
                            HEAD_LENGTH_MAX,
                            (received, isAll) -> answer(received, isAll, unready, metrics)),
                    boundPort);
        } catch (final IOException | IllegalArgumentException failure) {
            throw new StartupException(
                    "listen on --healthz-ip=" + ip + " --healthz-port=" + port + ": " + failure.getMessage()
                            + ". Choose another, or 0 for none",
                    failure);
        }
    }

    static @Nullable CompletionStage<ByteBuffer> answer(
            final ByteBuffer received,
            final boolean isAll,
            final Supplier<String> unready,
            final Supplier<String> metrics) {
        final String head = UTF_8.decode(received).toString();
        final boolean isComplete = END_OF_HEAD.matcher(head).find();
        if (!isComplete && !isAll) {
            return null;
        }
        final Matcher request = REQUEST_LINE.matcher(head);
        if (!isComplete || !request.lookingAt()) {
            return CompletableFuture.completedFuture(
                    new Response("400 Bad Request", TEXT, "not an HTTP request\n").bytes(false));
        }
        Response response;
        try {
            response = respond(request.group("path"), unready, metrics);
        } catch (final RuntimeException failure) {
            LOG.log(WARNING, "answer " + request.group("path"), failure);
            response = new Response("500 Internal Server Error", TEXT, failure + "\n");
        }
        return CompletableFuture.completedFuture(response.bytes("HEAD".equals(request.group("method"))));
    }

    private static Response respond(final String path, final Supplier<String> unready, final Supplier<String> metrics) {
        return switch (path) {
            case "/healthz" -> Response.ok(TEXT, "flanneld is running");
            case "/readyz" -> {
                final String reason = unready.get();
                yield reason.isEmpty()
                        ? Response.ok(TEXT, "flanneld is ready")
                        : new Response("503 Service Unavailable", TEXT, reason);
            }
            case "/metrics" -> Response.ok(METRICS_TEXT, metrics.get());
            default -> new Response("404 Not Found", TEXT, "not found\n");
        };
    }

    /** The port that it listens on. */
    public int port() {
        return port;
    }

    @Override
    public void close() {
        exchanges.close();
    }
}
