/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.weft.address.IpAddress;
import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/**
 * {@code /healthz} and {@code /readyz} in flanneld's words (flannel main.go), and {@code /metrics}. One daemon thread answers;
 * the suppliers are called on it.
 */
public final class HealthServer implements AutoCloseable {
    private static final int OK = 200;
    private static final int NOT_FOUND = 404;
    private static final int UNAVAILABLE = 503;
    private static final String TEXT = "text/plain; charset=utf-8";
    /** Prometheus text exposition format, version 0.0.4. */
    private static final String METRICS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

    private final HttpServer server;
    private final ExecutorService executor;

    private HealthServer(final HttpServer server, final ExecutorService executor) {
        this.server = server;
        this.executor = executor;
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
        final HttpServer server;
        try {
            server = HttpServer.create(new InetSocketAddress(IpAddress.parse(ip).toInetAddress(), port), 0);
        } catch (final IOException | IllegalArgumentException failure) {
            throw new StartupException(
                    "listen on --healthz-ip=" + ip + " --healthz-port=" + port + ": " + failure.getMessage()
                            + ". Choose another, or 0 for none",
                    failure);
        }
        final ExecutorService executor = Executors.newSingleThreadExecutor(task -> {
            final Thread thread = new Thread(task, "weft-http");
            thread.setDaemon(true);
            return thread;
        });
        server.setExecutor(executor);
        server.createContext("/", exchange -> answer(exchange, NOT_FOUND, TEXT, "not found\n"));
        server.createContext("/healthz", exchange -> answer(exchange, OK, TEXT, "flanneld is running"));
        server.createContext("/readyz", exchange -> {
            final String reason = unready.get();
            answer(
                    exchange,
                    reason.isEmpty() ? OK : UNAVAILABLE,
                    TEXT,
                    reason.isEmpty() ? "flanneld is ready" : reason);
        });
        server.createContext("/metrics", exchange -> answer(exchange, OK, METRICS_TEXT, metrics.get()));
        server.start();
        return new HealthServer(server, executor);
    }

    private static void answer(final HttpExchange exchange, final int statusCode, final String type, final String text)
            throws IOException {
        final byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(statusCode, bytes.length);
        try (OutputStream body = exchange.getResponseBody()) {
            body.write(bytes);
        }
    }

    /** The port that it listens on. */
    public int port() {
        return server.getAddress().getPort();
    }

    @Override
    public void close() {
        server.stop(0);
        executor.shutdownNow();
    }
}
