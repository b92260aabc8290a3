/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.registry.UnavailableException;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** The API server's HTTP. May be used by several threads. */
final class KubeClient {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(3);
    private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(10);
    private static final int HTTP_OK = 200;

    private final KubeAccess access;
    private final HttpClient http;

    KubeClient(final KubeAccess access) {
        this.access = access;
        final HttpClient.Builder builder =
                HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(CONNECT_TIMEOUT);
        http = (null == access.tls() ? builder : builder.sslContext(access.tls())).build();
    }

    /** Reads an object or a list. */
    JsonValue get(final String path) throws UnavailableException, InterruptedException {
        return send(path, request(path).timeout(REQUEST_TIMEOUT).GET().build());
    }

    /** Changes members of an object by a strategic merge patch. */
    void patch(final String path, final String patch) throws UnavailableException, InterruptedException {
        send(
                path,
                request(path)
                        .timeout(REQUEST_TIMEOUT)
                        .header("Content-Type", "application/strategic-merge-patch+json")
                        .method("PATCH", HttpRequest.BodyPublishers.ofString(patch))
                        .build());
    }

    /** Opens a stream of events, one JSON text a line. To be closed by the caller, from any thread. */
    InputStream open(final String path) throws UnavailableException, InterruptedException {
        try {
            final HttpResponse<InputStream> response = http.send(
                    request(path).timeout(REQUEST_TIMEOUT).GET().build(), HttpResponse.BodyHandlers.ofInputStream());
            if (HTTP_OK == response.statusCode()) {
                return response.body();
            }
            try (InputStream error = response.body()) {
                throw refused(path, response.statusCode(), error.readNBytes(1024));
            }
        } catch (final IOException failure) {
            throw unreachable(failure);
        }
    }

    private JsonValue send(final String path, final HttpRequest request)
            throws UnavailableException, InterruptedException {
        try {
            final HttpResponse<byte[]> response = http.send(request, HttpResponse.BodyHandlers.ofByteArray());
            if (HTTP_OK != response.statusCode()) {
                throw refused(path, response.statusCode(), response.body());
            }
            return JsonReader.read(response.body(), access.server() + path);
        } catch (final IOException failure) {
            throw unreachable(failure);
        } catch (final JsonException failure) {
            throw new UnavailableException("the Kubernetes API answered no JSON: " + failure.getMessage(), failure);
        }
    }

    private HttpRequest.Builder request(final String path) throws UnavailableException {
        final HttpRequest.Builder builder =
                HttpRequest.newBuilder(access.server().resolve(path)).header("Accept", "application/json");
        final String authorization = access.authorization();
        return null == authorization ? builder : builder.header("Authorization", authorization);
    }

    private UnavailableException unreachable(final IOException failure) {
        return UnavailableException.unreachable("the Kubernetes API at " + access.server(), failure);
    }

    private UnavailableException refused(final String path, final int statusCode, final byte[] answer) {
        final String text = new String(answer, 0, Math.min(answer.length, 300), StandardCharsets.UTF_8);
        return new UnavailableException(
                "the Kubernetes API at " + access.server() + " refused " + path + " with " + statusCode + ": " + text);
    }
}
