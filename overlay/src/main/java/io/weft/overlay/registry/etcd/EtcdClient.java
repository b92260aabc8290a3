/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonTooLargeException;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.registry.UnavailableException;
import io.weft.overlay.registry.http.AnswerTooLongException;
import io.weft.overlay.registry.http.ChangeStream;
import io.weft.overlay.registry.http.RegistryHttp;
import io.weft.overlay.registry.tls.TlsFiles;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * etcd's v3 API by its JSON gateway (etcd Documentation/dev-guide/api_grpc_gateway.md): every request is a POST, keys and
 * values are base64, 64-bit numbers are strings. May be used by several threads.
 */
final class EtcdClient {
    private static final Duration DEADLINE = Duration.ofSeconds(5);

    private final List<URI> endpoints;
    private final RegistryHttp http;
    private final EtcdAuthentication authentication;
    private volatile int current;

    /** A request of one endpoint with one token. */
    private interface Exchange<T> {
        T run(URI endpoint, String token) throws IOException, InterruptedException, UnavailableException;
    }

    /**
     * A client of one cluster.
     *
     * @param endpoints tried in turn, beginning with the one that answered last.
     * @param tls null for http endpoints.
     * @param username empty without authentication.
     */
    EtcdClient(final List<URI> endpoints, final @Nullable TlsFiles tls, final String username, final String password) {
        this.endpoints = List.copyOf(endpoints);
        http = new RegistryHttp(tls, DEADLINE);
        authentication = new EtcdAuthentication(username, password);
    }

    /** A key or value as the gateway wants it. */
    static String encode(final String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * The bytes of a key or value; none where the gateway leaves an empty one out.
     *
     * @throws JsonException when it is no base64.
     */
    static byte[] decode(final @Nullable JsonValue base64) {
        try {
            return null == base64 ? new byte[0] : Base64.getDecoder().decode(base64.string());
        } catch (final IllegalArgumentException failure) {
            throw base64.error("is no base64: " + failure.getMessage());
        }
    }

    /**
     * A 64-bit number, which the gateway writes as a string and leaves out when it is 0.
     *
     * @throws JsonException when it is none.
     */
    static long number(final @Nullable JsonValue text) {
        try {
            return null == text ? 0 : Long.parseLong(text.string());
        } catch (final NumberFormatException failure) {
            throw text.error("is \"" + text.string() + "\", must be a whole number");
        }
    }

    /**
     * Sends a request and returns the whole answer.
     *
     * @throws EtcdErrorException when etcd itself has refused it: every member would.
     * @throws TooLongException when the answer is too long to be read.
     */
    JsonValue call(final String path, final String body) throws UnavailableException, InterruptedException {
        return anywhere((endpoint, token) -> {
            final RegistryHttp.Answer answer = http.call(request(endpoint, path, body, token));
            if (!answer.isOk()) {
                throw refused(endpoint, path, answer);
            }
            return json(endpoint, path, answer);
        });
    }

    /** Opens a stream of answers, one JSON text a line. To be closed by the caller, from any thread. */
    ChangeStream open(final String path, final String body) throws UnavailableException, InterruptedException {
        return anywhere((endpoint, token) -> {
            try {
                return http.open(request(endpoint, path, body, token));
            } catch (final RegistryHttp.RefusedException refused) {
                throw refused(endpoint, path, refused.answer());
            }
        });
    }

    /** The next request goes to the next endpoint: what this one says is of no use. */
    void leaveEndpoint() {
        current = (current + 1) % endpoints.size();
    }

    /** Tries all endpoints, until one answers or etcd itself refuses. */
    private <T> T anywhere(final Exchange<T> exchange) throws UnavailableException, InterruptedException {
        final List<String> causes = new ArrayList<>();
        UnavailableException last = null;
        for (int attempt = 0; attempt < endpoints.size(); attempt++) {
            try {
                return authenticated(endpoints.get(current), exchange);
            } catch (final TooLongException failure) {
                throw failure;
            } catch (final EtcdErrorException failure) {
                if (failure.isOfCluster()) {
                    throw failure;
                }
                last = failure;
            } catch (final UnavailableException failure) {
                last = failure;
            }
            causes.add(String.valueOf(last.getMessage()));
            leaveEndpoint();
        }
        if (null == last) {
            throw new UnavailableException("no etcd endpoint is given");
        }
        throw 1 == causes.size() ? last : new UnavailableException(String.join("; ", causes), last);
    }

    private <T> T authenticated(final URI endpoint, final Exchange<T> exchange)
            throws UnavailableException, InterruptedException {
        try {
            final String token = authentication.token(credentials -> signIn(endpoint, credentials));
            try {
                return exchange.run(endpoint, token);
            } catch (final EtcdErrorException refused) {
                if (!authentication.isTokenRefused(refused)) {
                    throw refused;
                }
                authentication.forget(token);
                return exchange.run(endpoint, authentication.token(credentials -> signIn(endpoint, credentials)));
            }
        } catch (final AnswerTooLongException failure) {
            throw new TooLongException("etcd at " + endpoint + ": " + failure.getMessage(), failure);
        } catch (final IOException failure) {
            throw UnavailableException.unreachable("etcd at " + endpoint, failure);
        }
    }

    private String signIn(final URI endpoint, final String credentials)
            throws IOException, InterruptedException, UnavailableException {
        final String path = "/v3/auth/authenticate";
        final RegistryHttp.Answer answer = http.call(request(endpoint, path, credentials, ""));
        if (!answer.isOk()) {
            throw refused(endpoint, path, answer);
        }
        try {
            return json(endpoint, path, answer).required("token").string();
        } catch (final JsonException failure) {
            throw new UnavailableException("etcd at " + endpoint + ": " + failure.getMessage(), failure);
        }
    }

    private static JsonValue json(final URI endpoint, final String path, final RegistryHttp.Answer answer)
            throws UnavailableException {
        try {
            return JsonReader.read(answer.body(), endpoint + path);
        } catch (final JsonTooLargeException failure) {
            throw new TooLongException("etcd at " + endpoint + ": " + failure.getMessage(), failure);
        } catch (final JsonException failure) {
            throw new UnavailableException(
                    "etcd at " + endpoint + " answered no JSON: " + failure.getMessage(), failure);
        }
    }

    private static HttpRequest request(final URI endpoint, final String path, final String body, final String token) {
        final HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(endpoint + path))
                .header("Content-Type", "application/json")
                // etcd api/v3rpc/rpctypes/metadatafields.go: a member that has lost its leader ends a watch instead of
                // being silent
                .header("Grpc-Metadata-hasleader", "true")
                .POST(HttpRequest.BodyPublishers.ofString(body));
        return (token.isEmpty() ? builder : builder.header("Authorization", token)).build();
    }

    private static UnavailableException refused(
            final URI endpoint, final String path, final RegistryHttp.Answer answer) {
        final String message = "etcd at " + endpoint + " refused " + path + " with " + answer.statusCode() + ": "
                + answer.shownBody() + EtcdRemedy.of(answer.shownBody());
        try {
            final JsonValue error = JsonReader.read(answer.body(), "etcd's error");
            final JsonValue text = error.member("error");
            final JsonValue code = error.member("code");
            if (null != text && null != code) {
                return new EtcdErrorException(message, text.string(), code.integer(0, Integer.MAX_VALUE));
            }
        } catch (final JsonException isNotOfEtcd) {
            return new UnavailableException(message, isNotOfEtcd);
        }
        return new UnavailableException(message);
    }
}
