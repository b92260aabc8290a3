/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * Stands before a real server and hands requests and answers on, streams included, but for those answers that a test has spoilt.
 */
public final class FaultyProxy implements AutoCloseable {
    private static final int CHUNK_LENGTH = 1 << 16;

    private final URI upstream;
    private final String base;
    private final HttpServer server;
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final List<Rule> rules = new ArrayList<>();
    private final List<String> requests = new ArrayList<>();
    private final List<InputStream> open = new ArrayList<>();
    private volatile int silenced;
    private volatile int streams;

    /** What happens to an answer. */
    public enum Fault {
        /** Half of the body comes, and then nothing more; the connection stays. */
        HALF_BODY,
        /** The server has done what it was asked, and the caller does not hear of it. */
        LOST_ANSWER,
        /** A body without an end. */
        ENDLESS_BODY,
        /** The request is taken, and nothing comes; the connection stays. */
        NO_ANSWER,
        /** The caller may not do that. */
        FORBIDDEN,
        /** Another answer of 200. */
        OTHER_BODY
    }

    private static final class Rule {
        private final String path;
        private final Fault fault;
        private final String body;
        private int left;

        private Rule(final String path, final Fault fault, final String body, final int times) {
            this.path = path;
            this.fault = fault;
            this.body = body;
            left = times;
        }
    }

    /** Starts it on the loopback. */
    public FaultyProxy(final String upstream) throws IOException {
        this(upstream, "");
    }

    /**
     * Starts it with the server below a path, and nothing beside it.
     *
     * @param base {@code /k8s/cluster}.
     */
    public FaultyProxy(final String upstream, final String base) throws IOException {
        this.upstream = URI.create(upstream);
        this.base = base;
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    /** Its own URL. */
    public String endpoint() {
        return "http://127.0.0.1:" + server.getAddress().getPort() + base;
    }

    /** Spoils the next answers to requests whose path, or query, has this part. */
    public void spoil(final String path, final Fault fault, final int times) {
        spoil(path, fault, "", times);
    }

    /** Answers the next requests with another body. */
    public void answer(final String path, final String body) {
        spoil(path, Fault.OTHER_BODY, body, Integer.MAX_VALUE);
    }

    private synchronized void spoil(final String path, final Fault fault, final String body, final int times) {
        rules.add(new Rule(path, fault, body, times));
    }

    /** All answers are right again. */
    public synchronized void heal() {
        rules.clear();
    }

    /** Hands nothing more on of the streams that are open now: their other ends seem to be there, and are not. */
    public void silenceStreams() {
        silenced = streams;
    }

    /** True while a stream is open. */
    public synchronized boolean hasStream() {
        return !open.isEmpty();
    }

    /** Ends all streams. */
    public synchronized void cutStreams() throws IOException {
        for (final InputStream stream : open) {
            stream.close();
        }
        open.clear();
    }

    /** Requests so far whose path, query or body has this part. */
    public synchronized long count(final String part) {
        return requests.stream().filter(request -> request.contains(part)).count();
    }

    /** True when an answer that was spoilt as often as it should be. */
    public synchronized boolean isUsedUp() {
        return rules.isEmpty();
    }

    private synchronized @Nullable Rule rule(final String path) {
        final Rule found = rules.stream()
                .filter(rule -> path.contains(rule.path))
                .findFirst()
                .orElse(null);
        if (null != found) {
            found.left--;
            rules.removeIf(rule -> 0 == rule.left);
        }
        return found;
    }

    private synchronized void note(final String request) {
        requests.add(request);
    }

    private void handle(final HttpExchange exchange) throws IOException {
        final String target = exchange.getRequestURI().toString();
        if (!target.startsWith(base + '/')) {
            exchange.sendResponseHeaders(404, -1);
            exchange.close();
            return;
        }
        final String path = target.substring(base.length());
        final byte[] body = exchange.getRequestBody().readAllBytes();
        note(exchange.getRequestMethod() + ' ' + path + ' ' + new String(body, StandardCharsets.UTF_8));
        final Rule rule = rule(path);
        try {
            if (null != rule && Fault.OTHER_BODY == rule.fault) {
                whole(exchange, 200, rule.body.getBytes(StandardCharsets.UTF_8));
            } else if (null != rule && Fault.NO_ANSWER == rule.fault) {
                closed.await();
            } else if (null != rule && Fault.FORBIDDEN == rule.fault) {
                whole(exchange, 403, "{\"kind\":\"Status\"}".getBytes(StandardCharsets.UTF_8));
            } else if (null != rule && Fault.ENDLESS_BODY == rule.fault) {
                endless(exchange);
            } else {
                handOn(exchange, path, body, rule);
            }
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
        } finally {
            exchange.close();
        }
    }

    private static void whole(final HttpExchange exchange, final int statusCode, final byte[] body) throws IOException {
        exchange.sendResponseHeaders(statusCode, 0 == body.length ? -1 : body.length);
        exchange.getResponseBody().write(body);
    }

    private static void endless(final HttpExchange exchange) throws IOException {
        exchange.sendResponseHeaders(200, 0);
        final byte[] chunk = " ".repeat(CHUNK_LENGTH).getBytes(StandardCharsets.UTF_8);
        while (true) {
            exchange.getResponseBody().write(chunk); // ends when the caller has had enough
        }
    }

    private void handOn(final HttpExchange exchange, final String path, final byte[] body, final @Nullable Rule rule)
            throws IOException, InterruptedException {
        final HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(upstream + path));
        exchange.getRequestHeaders().forEach((name, values) -> {
            if (name.matches("(?i)content-type|accept|authorization|grpc-metadata-.*")) {
                request.header(name, values.get(0));
            }
        });
        request.method(exchange.getRequestMethod(), HttpRequest.BodyPublishers.ofByteArray(body));
        final HttpResponse<InputStream> response =
                http.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
        response.headers()
                .firstValue("Retry-After")
                .ifPresent(seconds -> exchange.getResponseHeaders().set("Retry-After", seconds));
        if (null == rule && path.contains("watch") && 200 == response.statusCode()) {
            stream(exchange, response.body());
            return;
        }
        if (null != rule && Fault.LOST_ANSWER == rule.fault) {
            response.body().close(); // a stream would not come to its end
            lost(exchange);
            return;
        }
        final byte[] answer = response.body().readAllBytes();
        if (null == rule) {
            whole(exchange, response.statusCode(), answer);
        } else {
            exchange.sendResponseHeaders(response.statusCode(), answer.length);
            exchange.getResponseBody().write(answer, 0, answer.length / 2);
            exchange.getResponseBody().flush();
            closed.await();
        }
    }

    private static void lost(final HttpExchange exchange) throws IOException {
        whole(
                exchange,
                503,
                "{\"error\":\"etcdserver: request timed out\",\"code\":14}".getBytes(StandardCharsets.UTF_8));
    }

    private synchronized int nextStream(final InputStream body) {
        open.add(body);
        streams++;
        return streams;
    }

    private void stream(final HttpExchange exchange, final InputStream body) throws IOException {
        final int number = nextStream(body);
        exchange.sendResponseHeaders(200, 0);
        final OutputStream out = exchange.getResponseBody();
        out.flush();
        final byte[] chunk = new byte[CHUNK_LENGTH];
        try (body) {
            for (int length = body.read(chunk); length >= 0; length = body.read(chunk)) {
                if (number > silenced) {
                    out.write(chunk, 0, length);
                    out.flush();
                }
            }
        }
    }

    @Override
    public void close() {
        closed.countDown();
        server.stop(0);
        threads.shutdownNow();
    }
}
