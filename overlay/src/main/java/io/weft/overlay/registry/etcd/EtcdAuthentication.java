/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import io.weft.overlay.json.JsonValue;
import io.weft.overlay.registry.UnavailableException;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The token that a user's password gives, as long as etcd takes it. Authentication may be switched on and off while etcd runs, as
 * flannel's client allows for (etcd client/v3/client.go, getToken, and client/v3/retry_interceptor.go, shouldRefreshToken). May be
 * used by several threads.
 */
final class EtcdAuthentication {
    /** Of an etcd whose authentication is switched off. */
    private static final String NO_TOKEN = "";

    private final String username;
    private final String credentials;
    private final AtomicReference<@Nullable String> token = new AtomicReference<>();

    /** Asks etcd for a token. */
    interface SignIn {
        String run(String credentials) throws IOException, InterruptedException, UnavailableException;
    }

    /** @param username empty for nobody. */
    EtcdAuthentication(final String username, final String password) {
        this.username = username;
        credentials = "{\"name\":" + JsonValue.quote(username) + ",\"password\":" + JsonValue.quote(password) + "}";
    }

    /** The token to send; empty for none. */
    String token(final SignIn signIn) throws IOException, InterruptedException, UnavailableException {
        if (username.isEmpty()) {
            return NO_TOKEN;
        }
        final String known = token.get();
        if (null != known) {
            return known;
        }
        try {
            final String given = signIn.run(credentials);
            token.set(given);
            return given;
        } catch (final EtcdErrorException refused) {
            if (!refused.says("authentication is not enabled")) {
                throw refused;
            }
            token.set(NO_TOKEN);
            return NO_TOKEN;
        }
    }

    /** Whether a request was refused for its token alone, so that a new one may help. */
    boolean isTokenRefused(final EtcdErrorException refused) {
        return !username.isEmpty()
                && (refused.says("invalid auth token")
                        || refused.says("revision of auth store is old")
                        || refused.says("user name is empty"));
    }

    /** The next request gets a new token, unless another thread has one already. */
    void forget(final String refused) {
        token.compareAndSet(refused, null);
    }
}
