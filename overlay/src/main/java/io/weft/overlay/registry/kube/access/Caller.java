/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube.access;

import io.weft.overlay.registry.BoundedFile;
import io.weft.overlay.registry.UnavailableException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Who calls, as the headers of a request say it. May be used by several threads. */
public final class Caller {
    /** Whom nobody has told who it is; a certificate may. */
    static final Caller ANONYMOUS = new Caller("", null, "", "", null, List.of());

    private static final char DELETE = 0x7f;
    private static final char LATIN1_MAX = 0xff;

    private final String token;
    private final @Nullable Path tokenFile;
    private final String username;
    private final String password;
    private final @Nullable ExecPlugin plugin;
    private final List<Header> impersonation;

    /** A line of a request's head. */
    public record Header(String name, String value) {}

    /**
     * A caller.
     *
     * @param token empty without.
     * @param tokenFile read for each request, since it may be renewed; wins over the token. Null without.
     * @param username with a password, for proxies that ask for one; empty without.
     * @param plugin a program that makes tokens or certificates; null without.
     * @param impersonation headers that say whom to act as.
     */
    Caller(
            final String token,
            final @Nullable Path tokenFile,
            final String username,
            final String password,
            final @Nullable ExecPlugin plugin,
            final List<Header> impersonation) {
        this.token = token.strip();
        this.tokenFile = tokenFile;
        this.username = username;
        this.password = password;
        this.plugin = plugin;
        this.impersonation = List.copyOf(impersonation);
    }

    static Caller ofTokenFile(final Path file) {
        return new Caller("", file, "", "", null, List.of());
    }

    /** The same as a server hears of it by http: what is a secret is not sent in clear, as client-go does not. */
    Caller withoutCredentials() {
        return new Caller("", null, "", "", null, impersonation);
    }

    /**
     * What a request says of its caller, as that is now.
     *
     * @throws UnavailableException when a file cannot be read, or a plugin makes nothing.
     */
    public List<Header> headers() throws UnavailableException, InterruptedException {
        final List<Header> headers = new ArrayList<>(impersonation);
        final String made = null == plugin ? "" : plugin.token().strip();
        final String bearer = null != tokenFile ? read(tokenFile) : token.isEmpty() ? made : token;
        if (!bearer.isEmpty()) {
            headers.add(new Header("Authorization", "Bearer " + bearer));
        } else if (!username.isEmpty()) {
            headers.add(new Header("Authorization", "Basic " + basic(username + ':' + password)));
        }
        for (final Header header : headers) {
            requireSendable(header);
        }
        return headers;
    }

    /** Nothing of the value is told, which may be a secret. */
    private static void requireSendable(final Header header) throws UnavailableException {
        for (int i = 0; i < header.value.length(); i++) {
            final char letter = header.value.charAt(i);
            final boolean isBreak = '\n' == letter || '\r' == letter;
            if ((letter < ' ' && '\t' != letter) || letter == DELETE || letter > LATIN1_MAX) {
                throw new UnavailableException("what is to be sent as " + header.name + ", as a token, has "
                        + (isBreak ? "a line break" : String.format("the character U+%04X", (int) letter))
                        + " in it, at " + (i + 1) + " of " + header.value.length()
                        + ": no header of HTTP may have that");
            }
        }
    }

    /** RFC 7617, 2. */
    static String basic(final String userAndPassword) {
        return Base64.getEncoder().encodeToString(userAndPassword.getBytes(StandardCharsets.UTF_8));
    }

    private static String read(final Path file) throws UnavailableException {
        try {
            return new String(BoundedFile.read(file, BoundedFile.SETTING_LENGTH_MAX), StandardCharsets.UTF_8).strip();
        } catch (final IOException failure) {
            throw new UnavailableException("read the token " + file + ": " + failure.getMessage(), failure);
        }
    }

    /** The server does not know the caller (401): true when a new try may be another caller, because a plugin is asked anew. */
    public boolean isRenewed() {
        return null != plugin && plugin.forget();
    }
}
