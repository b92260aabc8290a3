/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonTooLargeException;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.registry.UnavailableException;
import io.weft.overlay.registry.http.AnswerTooLongException;
import io.weft.overlay.registry.http.ChangeStream;
import io.weft.overlay.registry.http.RegistryHttp;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.time.Duration;

/** The API server's HTTP. May be used by several threads. */
final class KubeClient {
    private static final Duration DEADLINE = Duration.ofSeconds(10);

    private final KubeAccess access;
    private final RegistryHttp http;

    KubeClient(final KubeAccess access) {
        this.access = access;
        http = new RegistryHttp(access.tls(), DEADLINE);
    }

    /** The answer is too long to be read: less may be asked for. */
    static final class TooLongException extends UnavailableException {
        private static final long serialVersionUID = 1L;

        private TooLongException(final String message, final Throwable cause) {
            super(message, cause);
        }
    }

    /**
     * Reads an object or a list.
     *
     * @throws TooLongException when the answer is longer than may be.
     */
    JsonValue get(final String path) throws UnavailableException, InterruptedException {
        return send(path, request(path).GET().build());
    }

    /** Changes members of an object by a strategic merge patch. */
    void patch(final String path, final String patch) throws UnavailableException, InterruptedException {
        send(
                path,
                request(path)
                        .header("Content-Type", "application/strategic-merge-patch+json")
                        .method("PATCH", HttpRequest.BodyPublishers.ofString(patch))
                        .build());
    }

    /** Opens a stream of events, one JSON text a line. To be closed by the caller, from any thread. */
    ChangeStream open(final String path) throws UnavailableException, InterruptedException {
        try {
            return http.open(request(path).GET().build());
        } catch (final RegistryHttp.RefusedException refused) {
            throw refused(path, refused.answer());
        } catch (final IOException failure) {
            throw unreachable(failure);
        }
    }

    private JsonValue send(final String path, final HttpRequest request)
            throws UnavailableException, InterruptedException {
        try {
            final RegistryHttp.Answer answer = http.call(request);
            if (!answer.isOk()) {
                throw refused(path, answer);
            }
            return JsonReader.read(answer.body(), access.server() + path);
        } catch (final AnswerTooLongException | JsonTooLargeException failure) {
            throw new TooLongException(
                    "the Kubernetes API at " + access.server() + path + ": " + failure.getMessage(), failure);
        } catch (final IOException failure) {
            throw unreachable(failure);
        } catch (final JsonException failure) {
            throw new UnavailableException("the Kubernetes API answered no JSON: " + failure.getMessage(), failure);
        }
    }

    private HttpRequest.Builder request(final String path) throws UnavailableException {
        final HttpRequest.Builder builder =
                HttpRequest.newBuilder(URI.create(access.server() + path)).header("Accept", "application/json");
        final String authorization = access.authorization();
        return null == authorization ? builder : builder.header("Authorization", authorization);
    }

    private UnavailableException unreachable(final IOException failure) {
        return UnavailableException.unreachable("the Kubernetes API at " + access.server(), failure);
    }

    private UnavailableException refused(final String path, final RegistryHttp.Answer answer) {
        return new UnavailableException("the Kubernetes API at " + access.server() + " refused " + path + " with "
                + answer.statusCode() + ": " + answer.shownBody());
    }
}
