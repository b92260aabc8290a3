/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import static java.lang.System.Logger.Level.WARNING;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.overlay.lifecycle.LogFields;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * HTTP/1.1 with a connection for each request (RFC 9112), as far as health checks, Prometheus and a page need it. One thread
 * answers; why not by the HTTP server of the JDK, decision 59 tells.
 */
public final class HttpServer implements AutoCloseable {
    public static final String TEXT = "text/plain; charset=utf-8";

    private static final System.Logger LOG = System.getLogger(HttpServer.class.getName());
    private static final int HEAD_LENGTH_MAX = 8192;
    private static final Pattern REQUEST_LINE =
            Pattern.compile("(?<method>[A-Z]+) (?<path>/[^ ?]*)(\\?(?<query>[^ ]*))? HTTP/1\\.[01]\r?\n");
    private static final Pattern BEGINNING_OF_LINE = Pattern.compile("[A-Z]+ /[^\\s]*");
    private static final String TOO_LONG = "longer than " + HEAD_LENGTH_MAX + " bytes, and not read to its end\n";
    private static final Pattern END_OF_HEAD = Pattern.compile("\n\r?\n");
    private static final String HOST = "host:";

    private final ExchangeServer exchanges;
    private final int port;

    /**
     * What is asked.
     *
     * @param query what stands behind the question mark, as it came; empty without any.
     * @param host of the request's field Host; empty where there is none, or more than one.
     */
    public record Request(String method, String path, String query, String host) {}

    /**
     * What is answered.
     *
     * @param status code and words.
     * @param headers besides those that each answer has.
     */
    public record Response(String status, String type, Map<String, String> headers, String body) {
        /** One without headers of its own. */
        public Response(final String status, final String type, final String body) {
            this(status, type, Map.of(), body);
        }

        /** What was asked for. */
        public static Response ok(final String type, final String body) {
            return new Response("200 OK", type, body);
        }

        private ByteBuffer bytes(final boolean isHead) {
            final byte[] content = body.getBytes(UTF_8);
            final StringBuilder fields = new StringBuilder("HTTP/1.1 " + status + "\r\nDate: "
                    + DateTimeFormatter.RFC_1123_DATE_TIME.format(ZonedDateTime.now(ZoneOffset.UTC))
                    + "\r\nContent-Type: " + type + "\r\nContent-Length: " + content.length + "\r\n");
            headers.forEach((name, value) ->
                    fields.append(name).append(": ").append(value).append("\r\n"));
            final byte[] head =
                    fields.append("Connection: close\r\n\r\n").toString().getBytes(UTF_8);
            final ByteBuffer bytes = ByteBuffer.allocate(head.length + (isHead ? 0 : content.length))
                    .put(head);
            return (isHead ? bytes : bytes.put(content)).flip();
        }
    }

    /** Knows what is asked for. */
    @FunctionalInterface
    public interface Handler {
        /**
         * Answers, now or later. Called on the server's thread, which must not be made to wait. What fails is told to the asker.
         */
        CompletionStage<Response> respond(Request request);
    }

    private HttpServer(final ExchangeServer exchanges, final int port) {
        this.exchanges = exchanges;
        this.port = port;
    }

    /**
     * Starts to answer.
     *
     * @throws IOException when it cannot listen there.
     */
    public static HttpServer start(final String threadName, final InetSocketAddress address, final Handler handler)
            throws IOException {
        final ServerSocketChannel server = ServerSocketChannel.open();
        try {
            server.bind(address, ExchangeServer.CONNECTIONS_MAX);
        } catch (final IOException failure) {
            server.close();
            throw failure;
        }
        final int boundPort = server.socket().getLocalPort();
        return new HttpServer(
                ExchangeServer.start(
                        threadName, server, HEAD_LENGTH_MAX, (received, isAll) -> answer(received, isAll, handler)),
                boundPort);
    }

    static @Nullable CompletionStage<ByteBuffer> answer(
            final ByteBuffer received, final boolean isAll, final Handler handler) {
        final String head = UTF_8.decode(received).toString();
        final boolean isComplete = END_OF_HEAD.matcher(head).find();
        if (!isComplete && !isAll) {
            return null;
        }
        final Matcher line = REQUEST_LINE.matcher(head);
        if (!isComplete || !line.lookingAt()) {
            final boolean isFull = !isComplete && received.limit() >= HEAD_LENGTH_MAX;
            return CompletableFuture.completedFuture(refusal(head, isFull).bytes(false));
        }
        final String query = line.group("query");
        final Request request =
                new Request(line.group("method"), line.group("path"), null == query ? "" : query, host(head));
        return respond(request, handler).thenApply(response -> response.bytes("HEAD".equals(request.method())));
    }

    /** @param isFull whether it may have been a request, of which no more is taken. */
    private static Response refusal(final String head, final boolean isFull) {
        if (isFull && BEGINNING_OF_LINE.matcher(head).matches()) {
            return new Response("414 URI Too Long", TEXT, TOO_LONG);
        }
        return isFull && REQUEST_LINE.matcher(head).lookingAt()
                ? new Response("431 Request Header Fields Too Large", TEXT, TOO_LONG)
                : new Response("400 Bad Request", TEXT, "not an HTTP request\n");
    }

    private static CompletionStage<Response> respond(final Request request, final Handler handler) {
        try {
            return handler.respond(request).exceptionally(failure -> failed(request, failure));
        } catch (final RuntimeException failure) {
            return CompletableFuture.completedFuture(failed(request, failure));
        }
    }

    private static Response failed(final Request request, final Throwable failure) {
        LOG.log(WARNING, "answer " + request.path() + LogFields.of("path", request.path()), failure);
        return new Response("500 Internal Server Error", TEXT, failure + "\n");
    }

    private static String host(final String head) {
        final List<String> hosts = head.lines()
                .takeWhile(line -> !line.isEmpty())
                .filter(line -> line.regionMatches(true, 0, HOST, 0, HOST.length()))
                .toList();
        return 1 == hosts.size() ? hosts.get(0).substring(HOST.length()).strip() : "";
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
