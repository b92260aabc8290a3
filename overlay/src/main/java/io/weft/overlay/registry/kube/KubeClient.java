/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import io.weft.overlay.options.Version;
import io.weft.overlay.registry.UnavailableException;
import io.weft.overlay.registry.http.BodyStream;
import io.weft.overlay.registry.http.ChangeStream;
import io.weft.overlay.registry.http.HttpProxy;
import io.weft.overlay.registry.http.RegistryHttp;
import io.weft.overlay.registry.kube.access.Caller;
import io.weft.overlay.registry.kube.access.KubeAccess;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The API server's HTTP. May be used by several threads. */
final class KubeClient {
    private static final Duration DEADLINE = Duration.ofSeconds(10);

    /** A server may need long to begin a list of many nodes; client-go waits for a minute. */
    private static final long LIST_HEAD_MS = 30_000;

    private static final long PROBE_MS = 2_000;
    private static final int HTTP_UNAUTHORIZED = 401;
    private static final int HTTP_TOO_MANY = 429;
    private static final int HTTP_INTERNAL_ERROR = 500;
    private static final String USER_AGENT = "weftd/" + Version.text() + " (linux/" + architecture() + ") kubernetes";

    private final KubeAccess access;
    private KubeAccess.@Nullable Connection connection;
    private @Nullable RegistryHttp http;

    KubeClient(final KubeAccess access) {
        this.access = access;
    }

    /** As Go calls it, and with it every other client of the API. */
    private static String architecture() {
        final String name = System.getProperty("os.arch");
        return switch (name) {
            case "x86_64" -> "amd64";
            case "aarch64" -> "arm64";
            default -> name;
        };
    }

    /** The server has answered, and refused. */
    static final class RefusedException extends UnavailableException {
        private static final long serialVersionUID = 1L;

        /** Members of what the API answers in the place of an object (apimachinery, metav1.Status). */
        private static final Pattern OF_THE_API = Pattern.compile("\"kind\"\\s*:\\s*\"Status\"");

        private static final Pattern NOT_FOUND = Pattern.compile("\"reason\"\\s*:\\s*\"NotFound\"");

        private final int statusCode;
        private final int retryAfterS;

        private RefusedException(
                final KubeAccess.Connection current, final String path, final RegistryHttp.Answer answer) {
            super("the Kubernetes API at " + current.server() + " refused " + resource(path) + " with "
                    + answer.statusCode() + ": " + answer.shownBody());
            statusCode = answer.statusCode();
            retryAfterS = answer.retryAfterS();
        }

        /** What was asked for, without the numbers that no two requests have in common: the log would take each for news. */
        private static String resource(final String path) {
            final String resource = path.split("\\?", 2)[0];
            return path.contains("?watch=") ? "the watch of " + resource : resource;
        }

        int statusCode() {
            return statusCode;
        }

        /**
         * Whether the same would be refused the next time too, and another request may well be granted: not by a server that is
         * overloaded or fails, nor for want of a credential.
         */
        boolean isLasting() {
            return statusCode < HTTP_INTERNAL_ERROR && HTTP_TOO_MANY != statusCode && HTTP_UNAUTHORIZED != statusCode;
        }

        /** Whether the API itself says that there is no such object: a proxy on the way may not know the path. */
        boolean isNotFound() {
            final String message = String.valueOf(getMessage());
            return HttpURLConnection.HTTP_NOT_FOUND == statusCode
                    && OF_THE_API.matcher(message).find()
                    && NOT_FOUND.matcher(message).find();
        }

        /** Whether the version that was asked for {@link KubeClient#isTooNew is too new}. */
        boolean isTooNew() {
            return KubeClient.isTooNew(statusCode, String.valueOf(getMessage()));
        }

        @Override
        public long pauseNs() {
            return TimeUnit.SECONDS.toNanos(retryAfterS);
        }
    }

    /**
     * Whether the server's cache has not come as far as the version that it was asked for (apimachinery,
     * NewTooLargeResourceVersionError).
     *
     * @param statusCode of the answer, or of an error that comes by a watch.
     * @param message in which it tells why.
     */
    static boolean isTooNew(final int statusCode, final String message) {
        return HttpURLConnection.HTTP_GATEWAY_TIMEOUT == statusCode && message.contains("Too large resource version");
    }

    /** How a request is finished, once it has its head. */
    private interface Finish {
        HttpRequest.Builder on(HttpRequest.Builder head);
    }

    /** Reads one object. */
    byte[] get(final String path) throws UnavailableException, InterruptedException {
        return send(path, HttpRequest.Builder::GET);
    }

    /** Changes members of an object by a strategic merge patch. */
    void patch(final String path, final String patch) throws UnavailableException, InterruptedException {
        send(
                path,
                head -> head.header("Content-Type", "application/strategic-merge-patch+json")
                        .method("PATCH", HttpRequest.BodyPublishers.ofString(patch)));
    }

    /** Makes an object. */
    void post(final String path, final String object) throws UnavailableException, InterruptedException {
        send(
                path,
                head -> head.header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(object)));
    }

    /** Opens a stream of events, one JSON text a line. To be closed by the caller, from any thread. */
    ChangeStream open(final String path) throws UnavailableException, InterruptedException {
        return ask(path, HttpRequest.Builder::GET, RegistryHttp::open);
    }

    /** Opens a list, which may be longer than fits the heap. To be closed by the caller. */
    BodyStream list(final String path) throws UnavailableException, InterruptedException {
        return ask(path, HttpRequest.Builder::GET, (http, request) -> http.openBody(request, LIST_HEAD_MS));
    }

    /** Whether the server gives any answer that is not a failure of its own, within a short time. */
    boolean isAlive() throws InterruptedException {
        final KubeAccess.Connection current = access.connection();
        try {
            final int status = http(current)
                    .call(request(current, "/readyz", HttpRequest.Builder::GET), PROBE_MS)
                    .statusCode();
            return status < HTTP_INTERNAL_ERROR && HTTP_TOO_MANY != status && HTTP_UNAUTHORIZED != status;
        } catch (final IOException | UnavailableException none) {
            return false;
        }
    }

    private byte[] send(final String path, final Finish finish) throws UnavailableException, InterruptedException {
        return ask(path, finish, (http, request) -> {
            final RegistryHttp.Answer answer = http.call(request);
            if (!answer.isOk()) {
                throw new RegistryHttp.RefusedException(answer);
            }
            return answer.body();
        });
    }

    /** One way to use an answer. */
    private interface Use<T> {
        T of(RegistryHttp http, HttpRequest request)
                throws IOException, InterruptedException, RegistryHttp.RefusedException;
    }

    private <T> T ask(final String path, final Finish finish, final Use<T> use)
            throws UnavailableException, InterruptedException {
        final KubeAccess.Connection current = access.connection();
        try {
            try {
                return use.of(http(current), request(current, path, finish));
            } catch (final RegistryHttp.RefusedException refused) {
                // A token that the server does not know any more may be replaced by one that a plugin makes.
                if (HTTP_UNAUTHORIZED != refused.answer().statusCode()
                        || !current.caller().isRenewed()) {
                    throw refused;
                }
                return use.of(http(current), request(current, path, finish));
            }
        } catch (final RegistryHttp.RefusedException refused) {
            throw new RefusedException(current, path, refused.answer());
        } catch (final IOException failure) {
            throw unreachable(current, failure);
        }
    }

    /** What comes of a stream that breaks off. */
    UnavailableException unreachable(final IOException failure) {
        return unreachable(access.connection(), failure);
    }

    /** Connections are kept as long as the way to the server is the same. */
    private synchronized RegistryHttp http(final KubeAccess.Connection current) {
        RegistryHttp known = http;
        if (null == known || !current.equals(connection)) {
            known = new RegistryHttp(current.tls(), current.proxy(), DEADLINE);
            http = known;
            connection = current;
        }
        return known;
    }

    private static HttpRequest request(final KubeAccess.Connection current, final String path, final Finish finish)
            throws UnavailableException, InterruptedException {
        final HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(current.server() + path))
                .header("Accept", "application/json")
                .header("User-Agent", USER_AGENT);
        for (final Caller.Header header : current.caller().headers()) {
            builder.header(header.name(), header.value());
        }
        final HttpProxy proxy = current.proxy();
        if (null != proxy && null != proxy.authorization()) {
            builder.header(HttpProxy.AUTHORIZATION, proxy.authorization());
        }
        return finish.on(builder).build();
    }

    private static UnavailableException unreachable(final KubeAccess.Connection current, final IOException failure) {
        return UnavailableException.unreachable("the Kubernetes API at " + current.server(), failure);
    }
}
