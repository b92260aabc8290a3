/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import org.jspecify.annotations.Nullable;

/**
 * The part of the Kubernetes API that is Node objects, over HTTP, as a server with a watch cache gives it: a list of a version is whole,
 * one without in pages; a watch goes on from a version, with 410 for one that is too old, or begins with all nodes and a mark behind them;
 * strategic merge patch of annotations and conditions by the status subresource. Debian has no kube-apiserver, so this stands in
 * for it; it is as strict about paths, methods and content types as the API's reference is.
 */
final class NodeApiServer implements AutoCloseable {
    private static final String EVENTS = "/api/v1/namespaces/default/events";

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Map<String, Node> nodes = new TreeMap<>();
    private final List<String> events = new ArrayList<>();
    private final List<Watch> watches = new ArrayList<>();
    private final List<String> patches = new ArrayList<>();
    /** What is told of nodes, by the name of the Event. */
    private final Map<String, String> told = new TreeMap<>();
    /** Version of the first event that is kept. */
    private int oldest = 1;

    private int version;
    private volatile String token = "";
    private volatile StreamingLists streamingLists = StreamingLists.GIVEN;
    private volatile int fat;
    /** Zero when lists are answered. */
    private volatile CountDownLatch held = new CountDownLatch(0);

    private final List<String> requests = new ArrayList<>();
    private final Deque<Refusal> refusals = new ArrayDeque<>();
    private final List<Long> refusedNs = new ArrayList<>();
    private volatile Headers lastHeaders = new Headers();

    private record Node(
            List<String> podCidrs, Map<String, String> annotations, Map<String, String> conditions, int uid) {}

    /** A watch that goes on from a version, which may be one that the server has not come to. */
    private record Watch(OutputStream body, int from) {}

    private record Refusal(String method, int statusCode, int retryAfterS) {}

    /** What becomes of a watch that is to begin with all nodes. */
    enum StreamingLists {
        /** Kubernetes 1.34 and later. */
        GIVEN,
        /** Servers that know them, and have them switched off. */
        REFUSED,
        /** Servers before 1.27: a watch that says nothing of them, and, of any version, begins with all nodes too. */
        UNKNOWN
    }

    NodeApiServer() throws IOException {
        this(null);
    }

    /** @param tls of a server that needs its callers' certificates; null for http. */
    NodeApiServer(final @Nullable SSLContext tls) throws IOException {
        this(tls, true);
    }

    /** @param needsCertificate of its callers. */
    NodeApiServer(final @Nullable SSLContext tls, final boolean needsCertificate) throws IOException {
        final InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        if (null == tls) {
            server = HttpServer.create(address, 0);
        } else {
            final HttpsServer secure = HttpsServer.create(address, 0);
            secure.setHttpsConfigurator(new HttpsConfigurator(tls) {
                @Override
                public void configure(final HttpsParameters parameters) {
                    final SSLParameters wanted = tls.getDefaultSSLParameters();
                    wanted.setNeedClientAuth(needsCertificate);
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

    /** Head of the request that came last. */
    Headers lastHeaders() {
        return lastHeaders;
    }

    /** Refuses whoever has another token than this from now on. */
    void requireToken(final String wanted) {
        token = wanted;
    }

    void streamLists(final StreamingLists wanted) {
        streamingLists = wanted;
    }

    /** Lets whoever asks for nodes wait, until {@link #answerLists}. */
    void holdLists() {
        held = new CountDownLatch(1);
    }

    void answerLists() {
        held.countDown();
    }

    /** Makes each node longer by so many bytes of what nobody wants to know. */
    void fatten(final int length) {
        fat = length;
    }

    /** Refuses the next request of this method. */
    synchronized void refuse(final String method, final int statusCode, final int retryAfterS) {
        refusals.add(new Refusal(method, statusCode, retryAfterS));
    }

    /** When a request was refused, and when the one after that came; of {@link System#nanoTime}. */
    synchronized List<Long> refusedNs() {
        return List.copyOf(refusedNs);
    }

    /** Methods and targets of the requests so far. */
    synchronized List<String> requests() {
        return List.copyOf(requests);
    }

    synchronized void put(final String name, final String podCidr, final Map<String, String> annotations) {
        put(name, podCidr.isEmpty() ? List.of() : List.of(podCidr), annotations);
    }

    synchronized void put(final String name, final List<String> podCidrs, final Map<String, String> annotations) {
        final Node before = nodes.get(name);
        nodes.put(
                name,
                new Node(
                        podCidrs,
                        new HashMap<>(annotations),
                        null == before ? new TreeMap<>() : before.conditions(),
                        null == before ? version + 1 : before.uid()));
        event(null == before ? "ADDED" : "MODIFIED", name);
    }

    /** Changes the status of a condition, as another controller does. */
    synchronized void condition(final String name, final String type, final String status) {
        Objects.requireNonNull(nodes.get(name)).conditions().put(type, status);
        event("MODIFIED", name);
    }

    /** Type and status of a node's conditions. */
    synchronized Map<String, String> conditions(final String name) {
        final Node node = nodes.get(name);
        return null == node ? Map.of() : Map.copyOf(node.conditions());
    }

    /** Changes a node and tells no watch of it, as if the change had been lost. */
    synchronized void putUnseen(final String name, final String podCidr, final Map<String, String> annotations) {
        nodes.put(name, new Node(List.of(podCidr), new HashMap<>(annotations), new TreeMap<>(), version));
    }

    /** Tells all watches the present version, as the server does about once a minute. */
    synchronized void bookmark() {
        version++;
        oldest = version + 1; // what was before is not asked for again by whoever has heard of this
        events.clear();
        watches.removeIf(watch -> version > watch.from() && !isWritten(watch.body(), bookmark("")));
    }

    private String bookmark(final String annotations) {
        return "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Node\",\"metadata\":{\"resourceVersion\":\"" + version
                + "\"" + annotations + "}}}\n";
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
        goOnFrom(version + 1); // of objects of other kinds
    }

    /** Begins with an older version than it had, and cuts all watches, as one does whose store was restored from a backup. */
    synchronized void restore() throws IOException {
        goOnFrom(1);
    }

    private void goOnFrom(final int newVersion) throws IOException {
        version = newVersion;
        oldest = version + 1;
        events.clear();
        for (final Watch watch : watches) {
            watch.body().close();
        }
        watches.clear();
    }

    private void event(final String type, final String name) {
        version++;
        final String line = "{\"type\":\"" + type + "\",\"object\":" + json(name) + "}\n";
        events.add(line);
        watches.removeIf(watch -> version > watch.from() && !isWritten(watch.body(), line));
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
        final List<String> conditions = new ArrayList<>();
        node.conditions()
                .forEach((type, status) -> conditions.add(
                        "{\"type\":" + JsonValue.quote(type) + ",\"status\":" + JsonValue.quote(status) + "}"));
        final List<String> cidrs =
                node.podCidrs().stream().map(JsonValue::quote).toList();
        return "{\"kind\":\"Node\",\"metadata\":{\"name\":" + JsonValue.quote(name) + ",\"uid\":\"" + node.uid()
                + "\",\"resourceVersion\":\"" + version
                + "\",\"annotations\":{" + String.join(",", annotations) + "},\"managedFields\":[\"" + "x".repeat(fat)
                + "\"]},\"spec\":"
                + (cidrs.isEmpty()
                        ? "{}"
                        : "{\"podCIDR\":" + cidrs.get(0) + ",\"podCIDRs\":[" + String.join(",", cidrs) + "]}")
                + ",\"status\":{\"conditions\":[" + String.join(",", conditions) + "]}}";
    }

    private void answer(final HttpExchange exchange) throws IOException {
        lastHeaders = exchange.getRequestHeaders();
        final String path = exchange.getRequestURI().getPath();
        final Map<String, String> query = query(exchange.getRequestURI().getQuery());
        final Refusal refusal = note(exchange);
        final boolean isKnown = token.isEmpty()
                || ("Bearer " + token).equals(exchange.getRequestHeaders().getFirst("Authorization"));
        if (null != refusal) {
            exchange.getResponseHeaders().set("Retry-After", String.valueOf(refusal.retryAfterS()));
            respond(exchange, refusal.statusCode(), "{\"kind\":\"Status\",\"reason\":\"TooManyRequests\"}");
        } else if (!isKnown) {
            respond(exchange, 401, "{\"kind\":\"Status\",\"reason\":\"Unauthorized\"}");
        } else if ("PATCH".equals(exchange.getRequestMethod()) && path.matches("/api/v1/nodes/[^/]+/status")) {
            patch(exchange, path.split("/", -1)[4]);
        } else if (path.startsWith(EVENTS)) {
            takeEvent(exchange, path);
        } else if ("GET".equals(exchange.getRequestMethod()) && "/api/v1/nodes".equals(path)) {
            awaitAnswer();
            if ("true".equals(query.get("watch"))) {
                watch(exchange, query);
            } else if (isTooNew(query)) {
                respond(exchange, 504, tooLarge());
            } else {
                respond(exchange, 200, list(query));
            }
        } else if ("GET".equals(exchange.getRequestMethod()) && "/readyz".equals(path)) {
            respond(exchange, 200, "ok");
        } else if ("GET".equals(exchange.getRequestMethod())
                && path.matches("/api/v1/nodes/[^/]+")
                && isTooNew(query)) {
            respond(exchange, 504, tooLarge());
        } else if ("GET".equals(exchange.getRequestMethod()) && path.matches("/api/v1/nodes/[^/]+")) {
            final String json = get(path.substring("/api/v1/nodes/".length()));
            if ("{}".equals(json)) {
                respond(exchange, 404, "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"code\":404}");
            } else {
                respond(exchange, 200, json);
            }
        } else {
            respond(exchange, 405, "{\"kind\":\"Status\",\"reason\":\"MethodNotAllowed\"}");
        }
    }

    /** An Event is made once, and patched from then on. */
    private void takeEvent(final HttpExchange exchange, final String path) throws IOException {
        final JsonValue event = JsonReader.read(exchange.getRequestBody().readAllBytes(), "event");
        final boolean isPost = "POST".equals(exchange.getRequestMethod()) && EVENTS.equals(path);
        final String name = isPost
                ? event.required("metadata").required("name").string()
                : path.substring(Math.min(path.length(), EVENTS.length() + 1));
        final int statusCode;
        synchronized (this) {
            final boolean isThere = told.containsKey(name);
            if (isPost) {
                statusCode = isThere ? 409 : 201;
                told.putIfAbsent(
                        name,
                        event.required("involvedObject").required("name").string() + ' '
                                + event.required("reason").string() + ": "
                                + event.required("message").string());
            } else {
                statusCode = isThere ? 200 : 404;
            }
        }
        respond(exchange, statusCode, "{\"kind\":\"Event\"}");
    }

    /** Node, reason and message of each Event so far. */
    synchronized List<String> told() {
        return List.copyOf(told.values());
    }

    private void awaitAnswer() throws IOException {
        try {
            held.await();
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("the server is closed");
        }
    }

    private synchronized @Nullable Refusal note(final HttpExchange exchange) {
        requests.add(exchange.getRequestMethod() + ' ' + exchange.getRequestURI());
        final Refusal next = refusals.peek();
        final boolean isRefused = null != next && next.method().equals(exchange.getRequestMethod());
        if (isRefused || 1 == refusedNs.size()) {
            refusedNs.add(System.nanoTime());
        }
        return isRefused ? refusals.remove() : null;
    }

    private static Map<String, String> query(final String text) {
        final Map<String, String> query = new HashMap<>();
        for (final String part : null == text ? new String[0] : text.split("&", -1)) {
            final String[] words = part.split("=", 2);
            query.put(words[0], words[1]);
        }
        return query;
    }

    private synchronized boolean isTooNew(final Map<String, String> query) {
        return version(query) > version;
    }

    private static int version(final Map<String, String> query) {
        final String text = query.getOrDefault("resourceVersion", "");
        return text.isEmpty() ? 0 : Integer.parseInt(text);
    }

    private synchronized String tooLarge() {
        return "{\"kind\":\"Status\",\"reason\":\"Timeout\",\"code\":504,\"message\":\"Timeout: Too large resource version: 9, current: "
                + version + "\"}";
    }

    private synchronized String get(final String name) {
        return json(name);
    }

    private synchronized String list(final Map<String, String> query) {
        final boolean isCached = !query.getOrDefault("resourceVersion", "").isEmpty(); // the cache knows no limit
        final int limit = isCached ? Integer.MAX_VALUE : Integer.parseInt(query.getOrDefault("limit", "500"));
        final String from = query.getOrDefault("continue", "");
        final List<String> names =
                nodes.keySet().stream().filter(name -> name.compareTo(from) > 0).toList();
        final List<String> page = names.subList(0, Math.min(limit, names.size()));
        final String more = page.size() < names.size() ? page.get(page.size() - 1) : "";
        return "{\"kind\":\"NodeList\",\"metadata\":{\"resourceVersion\":\"" + version + "\",\"continue\":\"" + more
                + "\"},\"items\":["
                + String.join(",", page.stream().map(this::json).toList()) + "]}";
    }

    private synchronized void watch(final HttpExchange exchange, final Map<String, String> query) throws IOException {
        final boolean isList = query.containsKey("sendInitialEvents") && StreamingLists.UNKNOWN != streamingLists;
        if (isList && StreamingLists.REFUSED == streamingLists) {
            respond(exchange, 422, "{\"kind\":\"Status\",\"reason\":\"Invalid\"}");
            return;
        }
        final int from = version(query);
        exchange.sendResponseHeaders(200, 0);
        final OutputStream body = exchange.getResponseBody();
        if (isList && isTooNew(query)) {
            isWritten(body, "{\"type\":\"ERROR\",\"object\":" + tooLarge() + "}\n");
            body.close();
            return;
        }
        if (isList || 0 == from) {
            for (final String name : nodes.keySet()) {
                isWritten(body, "{\"type\":\"ADDED\",\"object\":" + json(name) + "}\n");
            }
            if (isList) {
                isWritten(body, bookmark(",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}"));
            }
        } else if (from + 1 < oldest) {
            isWritten(
                    body,
                    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n");
            body.close();
            return;
        } else {
            for (int i = from + 1 - oldest; i < events.size(); i++) {
                isWritten(body, events.get(i));
            }
        }
        body.flush();
        watches.add(new Watch(body, from));
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
            final JsonValue status = patch.member("status");
            final Node node = nodes.get(name);
            if (null != status && null != node) {
                status.required("conditions")
                        .elements()
                        .forEach(condition -> node.conditions()
                                .put(
                                        condition.required("type").string(),
                                        condition.required("status").string()));
                event("MODIFIED", name);
            }
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
