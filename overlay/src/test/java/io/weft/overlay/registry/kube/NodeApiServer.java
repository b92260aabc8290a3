/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import org.jspecify.annotations.Nullable;

/**
 * The part of the Kubernetes API that is Node objects, over HTTP: list in pages, watch from a version with 410 for one that is
 * too old, strategic merge patch of annotations by the status subresource. Debian has no kube-apiserver, so this stands in for
 * it; it is as strict about paths, methods and content types as the API's reference is.
 */
final class NodeApiServer implements AutoCloseable {
    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Map<String, Node> nodes = new TreeMap<>();
    private final List<String> events = new ArrayList<>();
    private final List<OutputStream> watches = new ArrayList<>();
    private final List<String> patches = new ArrayList<>();
    /** Version of the first event that is kept. */
    private int oldest = 1;

    private int version;
    private volatile String token = "";

    private record Node(String podCidr, Map<String, String> annotations) {}

    NodeApiServer() throws IOException {
        this(null);
    }

    /** @param tls of a server that wants its callers' certificates; null for http. */
    NodeApiServer(final @Nullable SSLContext tls) throws IOException {
        final InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        if (null == tls) {
            server = HttpServer.create(address, 0);
        } else {
            final HttpsServer secure = HttpsServer.create(address, 0);
            secure.setHttpsConfigurator(new HttpsConfigurator(tls) {
                @Override
                public void configure(final HttpsParameters parameters) {
                    final SSLParameters wanted = tls.getDefaultSSLParameters();
                    wanted.setNeedClientAuth(true);
                    parameters.setSSLParameters(wanted);
                }
            });
            server = secure;
        }
        server.setExecutor(threads);
        server.createContext("/", this::answer);
        server.start();
    }

    URI uri() {
        return URI.create((server instanceof HttpsServer ? "https" : "http") + "://127.0.0.1:"
                + server.getAddress().getPort());
    }

    /** Refuses whoever has another token than this from now on. */
    void requireToken(final String wanted) {
        token = wanted;
    }

    synchronized void put(final String name, final String podCidr, final Map<String, String> annotations) {
        final String type = nodes.containsKey(name) ? "MODIFIED" : "ADDED";
        nodes.put(name, new Node(podCidr, new HashMap<>(annotations)));
        event(type, name);
    }

    synchronized void remove(final String name) {
        event("DELETED", name);
        nodes.remove(name);
    }

    synchronized Map<String, String> annotations(final String name) {
        final Node node = nodes.get(name);
        return null == node ? Map.of() : Map.copyOf(node.annotations());
    }

    synchronized List<String> patches() {
        return List.copyOf(patches);
    }

    /** Forgets history and cuts all watches, as an API server that restarts does. */
    synchronized void restart() throws IOException {
        version++; // of objects of other kinds
        oldest = version + 1;
        events.clear();
        for (final OutputStream watch : watches) {
            watch.close();
        }
        watches.clear();
    }

    private void event(final String type, final String name) {
        version++;
        final String line = "{\"type\":\"" + type + "\",\"object\":" + json(name) + "}\n";
        events.add(line);
        watches.removeIf(watch -> !isWritten(watch, line));
    }

    private static boolean isWritten(final OutputStream watch, final String line) {
        try {
            watch.write(line.getBytes(StandardCharsets.UTF_8));
            watch.flush();
            return true;
        } catch (final IOException clientIsGone) {
            return false;
        }
    }

    private String json(final String name) {
        final Node node = nodes.get(name);
        if (null == node) {
            return "{}";
        }
        final List<String> annotations = new ArrayList<>();
        node.annotations()
                .forEach((key, value) -> annotations.add(JsonValue.quote(key) + ':' + JsonValue.quote(value)));
        final String cidr = JsonValue.quote(node.podCidr());
        return "{\"kind\":\"Node\",\"metadata\":{\"name\":" + JsonValue.quote(name) + ",\"resourceVersion\":\""
                + version
                + "\",\"annotations\":{" + String.join(",", annotations) + "}},\"spec\":"
                + (node.podCidr().isEmpty() ? "{}" : "{\"podCIDR\":" + cidr + ",\"podCIDRs\":[" + cidr + "]}") + "}";
    }

    private void answer(final HttpExchange exchange) throws IOException {
        final String path = exchange.getRequestURI().getPath();
        final Map<String, String> query = query(exchange.getRequestURI().getQuery());
        final boolean isKnown = token.isEmpty()
                || ("Bearer " + token).equals(exchange.getRequestHeaders().getFirst("Authorization"));
        if (!isKnown) {
            respond(exchange, 401, "{\"kind\":\"Status\",\"reason\":\"Unauthorized\"}");
        } else if ("PATCH".equals(exchange.getRequestMethod()) && path.matches("/api/v1/nodes/[^/]+/status")) {
            patch(exchange, path.split("/", -1)[4]);
        } else if ("GET".equals(exchange.getRequestMethod()) && "/api/v1/nodes".equals(path)) {
            if ("true".equals(query.get("watch"))) {
                watch(exchange, Integer.parseInt(query.getOrDefault("resourceVersion", "0")));
            } else {
                respond(exchange, 200, list(query));
            }
        } else if ("GET".equals(exchange.getRequestMethod()) && path.matches("/api/v1/nodes/[^/]+")) {
            final String json = get(path.substring("/api/v1/nodes/".length()));
            respond(exchange, "{}".equals(json) ? 404 : 200, json);
        } else {
            respond(exchange, 405, "{\"kind\":\"Status\",\"reason\":\"MethodNotAllowed\"}");
        }
    }

    private static Map<String, String> query(final String text) {
        final Map<String, String> query = new HashMap<>();
        for (final String part : null == text ? new String[0] : text.split("&", -1)) {
            final String[] words = part.split("=", 2);
            query.put(words[0], words[1]);
        }
        return query;
    }

    private synchronized String get(final String name) {
        return json(name);
    }

    private synchronized String list(final Map<String, String> query) {
        final int limit = Integer.parseInt(query.getOrDefault("limit", "500"));
        final String from = query.getOrDefault("continue", "");
        final List<String> names =
                nodes.keySet().stream().filter(name -> name.compareTo(from) > 0).toList();
        final List<String> page = names.subList(0, Math.min(limit, names.size()));
        final String more = page.size() < names.size() ? page.get(page.size() - 1) : "";
        return "{\"kind\":\"NodeList\",\"metadata\":{\"resourceVersion\":\"" + version + "\",\"continue\":\"" + more
                + "\"},\"items\":["
                + String.join(",", page.stream().map(this::json).toList()) + "]}";
    }

    private synchronized void watch(final HttpExchange exchange, final int from) throws IOException {
        exchange.sendResponseHeaders(200, 0);
        final OutputStream body = exchange.getResponseBody();
        if (from + 1 < oldest) {
            isWritten(
                    body,
                    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n");
            body.close();
            return;
        }
        body.flush();
        for (int i = from + 1 - oldest; i < events.size(); i++) {
            isWritten(body, events.get(i));
        }
        watches.add(body);
    }

    private void patch(final HttpExchange exchange, final String name) throws IOException {
        final String type = exchange.getRequestHeaders().getFirst("Content-Type");
        if (!"application/strategic-merge-patch+json".equals(type)) {
            respond(exchange, 415, "{\"kind\":\"Status\",\"reason\":\"UnsupportedMediaType\"}");
            return;
        }
        final byte[] body = exchange.getRequestBody().readAllBytes();
        final JsonValue patch = JsonReader.read(body, "patch");
        synchronized (this) {
            patches.add(new String(body, StandardCharsets.UTF_8));
            final JsonValue metadata = patch.member("metadata");
            final Node node = nodes.get(name);
            if (null != metadata && null != node) {
                metadata.required("annotations")
                        .members()
                        .forEach((key, value) -> node.annotations().put(key, value.string()));
                event("MODIFIED", name);
            }
        }
        respond(exchange, 200, get(name));
    }

    private static void respond(final HttpExchange exchange, final int statusCode, final String json)
            throws IOException {
        final byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(statusCode, bytes.length);
        try (OutputStream body = exchange.getResponseBody()) {
            body.write(bytes);
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
