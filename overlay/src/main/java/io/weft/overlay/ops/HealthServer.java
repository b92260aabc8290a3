/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import static java.lang.System.Logger.Level.INFO;

import io.weft.address.IpAddress;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** {@code /healthz} and {@code /readyz} in flanneld's words (flannel main.go), and {@code /metrics}. */
public final class HealthServer implements ListeningPort.Listener {
    private static final System.Logger LOG = System.getLogger(HealthServer.class.getName());
    /** Prometheus text exposition format, version 0.0.4. */
    private static final String METRICS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

    private final HttpServer server;

    private HealthServer(final HttpServer server) {
        this.server = server;
    }

    /**
     * Starts to answer.
     *
     * @param ip that it listens on.
     * @param port that it listens on.
     * @param hung which data threads stand still; empty when none does. Called on the server's thread, as the others are.
     * @param unready why the node is not ready; empty when it is.
     * @param metrics text of all metrics.
     * @throws StartupException when it cannot listen.
     */
    public static HealthServer start(
            final String ip,
            final int port,
            final Supplier<String> hung,
            final Supplier<String> unready,
            final Supplier<String> metrics) {
        try {
            final HealthServer started = new HealthServer(HttpServer.start(
                    "weft-http", new InetSocketAddress(address(ip), port), handler(hung, unready, metrics)));
            LOG.log(
                    INFO,
                    "/healthz, /readyz and /metrics on port {0}{1}",
                    String.valueOf(started.port()),
                    LogFields.of("port", started.port()));
            return started;
        } catch (final IOException | IllegalArgumentException failure) {
            throw new StartupException(
                    "listen on --healthz-ip=" + ip + " --healthz-port=" + port + ": " + failure.getMessage()
                            + ". Choose another, or 0 for none",
                    failure);
        }
    }

    /** Go's net.Listen takes a name as well. */
    private static InetAddress address(final String ip) throws UnknownHostException {
        try {
            return IpAddress.parse(ip).toInetAddress();
        } catch (final IllegalArgumentException noLiteral) {
            return InetAddress.getByName(ip);
        }
    }

    static HttpServer.Handler handler(
            final Supplier<String> hung, final Supplier<String> unready, final Supplier<String> metrics) {
        return request -> CompletableFuture.completedFuture(respond(request.path(), hung, unready, metrics));
    }

    private static HttpServer.Response respond(
            final String path,
            final Supplier<String> hung,
            final Supplier<String> unready,
            final Supplier<String> metrics) {
        return switch (path) {
            case "/healthz" -> unless(hung.get(), "flanneld is running");
            case "/readyz" -> unless(unready.get(), "flanneld is ready");
            case "/metrics" -> HttpServer.Response.ok(METRICS_TEXT, metrics.get());
            default -> new HttpServer.Response("404 Not Found", HttpServer.TEXT, "not found\n");
        };
    }

    private static HttpServer.Response unless(final String trouble, final String words) {
        return trouble.isEmpty()
                ? HttpServer.Response.ok(HttpServer.TEXT, words)
                : new HttpServer.Response("503 Service Unavailable", HttpServer.TEXT, trouble);
    }

    /** The port that it listens on. */
    public int port() {
        return server.port();
    }

    @Override
    public void close() {
        server.close();
    }
}
