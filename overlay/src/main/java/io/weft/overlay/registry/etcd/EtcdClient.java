/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.registry.PemKeys;
import io.weft.overlay.registry.UnavailableException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * etcd's v3 API by its JSON gateway (etcd Documentation/dev-guide/api_grpc_gateway.md): every request is a POST, keys and
 * values are base64, 64-bit numbers are strings. May be used by several threads.
 */
final class EtcdClient {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(2);
    private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(5);
    private static final int HTTP_OK = 200;
    private static final int HTTP_UNAUTHORIZED = 401;

    private final List<URI> endpoints;
    private final HttpClient http;
    private final String username;
    private final String password;
    private volatile int current;
    private volatile @Nullable String token;

    /**
     * A client of one cluster.
     *
     * @param endpoints tried in turn, beginning with the one that answered last.
     * @param tls null for http endpoints.
     * @param username empty without authentication.
     */
    EtcdClient(
            final List<URI> endpoints, final @Nullable SSLContext tls, final String username, final String password) {
        this.endpoints = List.copyOf(endpoints);
        this.username = username;
        this.password = password;
        final HttpClient.Builder builder =
                HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(CONNECT_TIMEOUT);
        http = builder.sslContext(null == tls ? PemKeys.withoutAny() : tls).build();
    }

    /** A key or value as the gateway wants it. */
    static String encode(final String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    /** The bytes of a key or value; none where the gateway leaves an empty one out. */
    static byte[] decode(final @Nullable JsonValue base64) {
        return null == base64 ? new byte[0] : Base64.getDecoder().decode(base64.string());
    }

    /** A 64-bit number, which the gateway writes as a string and leaves out when it is 0. */
    static long number(final @Nullable JsonValue text) {
        return null == text ? 0 : Long.parseLong(text.string());
    }

    /** Sends a request and returns the whole answer. */
    JsonValue call(final String path, final String body) throws UnavailableException, InterruptedException {
        UnavailableException last = new UnavailableException("no etcd endpoint is given");
        for (int attempt = 0; attempt < endpoints.size(); attempt++) {
            final URI endpoint = endpoints.get(current);
            try {
                return callWithToken(endpoint, path, body);
            } catch (final UnavailableException failure) {
                last = failure;
                current = (current + 1) % endpoints.size();
            }
        }
        throw last;
    }

    /** Opens a stream of answers, one JSON text a line. To be closed by the caller, from any thread. */
    InputStream open(final String path, final String body) throws UnavailableException, InterruptedException {
        final URI endpoint = endpoints.get(current);
        try {
            final HttpResponse<InputStream> response = http.send(
                    request(endpoint, path, body).timeout(REQUEST_TIMEOUT).build(),
                    HttpResponse.BodyHandlers.ofInputStream());
            if (HTTP_OK == response.statusCode()) {
                return response.body();
            }
            try (InputStream error = response.body()) {
                throw refused(endpoint, path, response.statusCode(), error.readNBytes(1024));
            }
        } catch (final IOException failure) {
            throw UnavailableException.unreachable("etcd at " + endpoint, failure);
        }
    }

    private JsonValue callWithToken(final URI endpoint, final String path, final String body)
            throws UnavailableException, InterruptedException {
        if (!username.isEmpty() && null == token) {
            token = authenticate(endpoint);
        }
        HttpResponse<byte[]> response = send(endpoint, path, body);
        if (HTTP_UNAUTHORIZED == response.statusCode() && !username.isEmpty()) {
            token = authenticate(endpoint); // a token ends after five minutes without use
            response = send(endpoint, path, body);
        }
        if (HTTP_OK != response.statusCode()) {
            throw refused(endpoint, path, response.statusCode(), response.body());
        }
        try {
            return JsonReader.read(response.body(), endpoint + path);
        } catch (final JsonException failure) {
            throw new UnavailableException(
                    "etcd at " + endpoint + " answered no JSON: " + failure.getMessage(), failure);
        }
    }

    private String authenticate(final URI endpoint) throws UnavailableException, InterruptedException {
        final String path = "/v3/auth/authenticate";
        token = null;
        final HttpResponse<byte[]> response = send(
                endpoint,
                path,
                "{\"name\":" + JsonValue.quote(username) + ",\"password\":" + JsonValue.quote(password) + "}");
        if (HTTP_OK != response.statusCode()) {
            throw refused(endpoint, path, response.statusCode(), response.body());
        }
        return JsonReader.read(response.body(), endpoint + path)
                .required("token")
                .string();
    }

    private HttpResponse<byte[]> send(final URI endpoint, final String path, final String body)
            throws UnavailableException, InterruptedException {
        try {
            return http.send(
                    request(endpoint, path, body).timeout(REQUEST_TIMEOUT).build(),
                    HttpResponse.BodyHandlers.ofByteArray());
        } catch (final IOException failure) {
            throw UnavailableException.unreachable("etcd at " + endpoint, failure);
        }
    }

    private HttpRequest.Builder request(final URI endpoint, final String path, final String body) {
        final HttpRequest.Builder builder = HttpRequest.newBuilder(endpoint.resolve(path))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body));
        final String authorization = token;
        return null == authorization ? builder : builder.header("Authorization", authorization);
    }

    private static UnavailableException refused(
            final URI endpoint, final String path, final int statusCode, final byte[] answer) {
        final String text = new String(answer, 0, Math.min(answer.length, 300), StandardCharsets.UTF_8);
        return new UnavailableException(
                "etcd at " + endpoint + " refused " + path + " with " + statusCode + ": " + text);
    }
}
