/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube.access;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.registry.tls.PemSource;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who calls, as the user of a kubeconfig says it (client-go tools/clientcmd/api/v1/types.go, AuthInfo).
 *
 * @param caller by the headers of requests.
 * @param certificate by TLS; null without.
 * @param key of the certificate; null without.
 */
record KubeUser(
        Caller caller,
        @Nullable PemSource certificate,
        @Nullable PemSource key) {
    static final Set<String> KEYS = Set.of(
            "client-certificate",
            "client-certificate-data",
            "client-key",
            "client-key-data",
            "token",
            "tokenFile",
            "username",
            "password",
            "exec",
            "auth-provider",
            "as",
            "as-uid",
            "as-groups",
            "as-user-extra",
            "extensions");
    static final KubeUser NOBODY = new KubeUser(Caller.ANONYMOUS, null, null);

    /**
     * Reads a user.
     *
     * @param cluster that it calls, and that an exec plugin may want to hear of.
     * @throws JsonException for what is not understood, or contradicts itself.
     */
    static KubeUser read(final Kubeconfig.Entry entry, final Kubeconfig.Entry cluster, final URI server) {
        final JsonValue user = entry.value();
        final JsonValue provider = user.member("auth-provider");
        if (null != provider) {
            throw provider.error("is not supported, as client-go has none either since Kubernetes 1.26: use \"exec\"");
        }
        final String token = Kubeconfig.text(user, "token");
        final String tokenFile = Kubeconfig.text(user, "tokenFile");
        final String username = Kubeconfig.text(user, "username");
        if (!username.isEmpty() && (!token.isEmpty() || !tokenFile.isEmpty())) {
            throw user.error("has both a token and a username: only one of them can tell who calls");
        }
        final JsonValue exec = user.member("exec");
        final ExecPlugin plugin = null == exec ? null : ExecPlugin.read(exec, entry, cluster, server);
        final Caller caller = new Caller(
                token,
                tokenFile.isEmpty() ? null : entry.resolve(tokenFile),
                username,
                Kubeconfig.text(user, "password"),
                plugin,
                impersonation(user));
        final PemSource certificate = Kubeconfig.pem(entry, "client-certificate");
        if (null == exec || null == plugin || null != certificate) {
            return new KubeUser(caller, certificate, Kubeconfig.pem(entry, "client-key"));
        }
        return new KubeUser(
                caller,
                PemSource.of(exec.path() + " certificate", plugin::certificate),
                PemSource.of(exec.path() + " key", plugin::key));
    }

    /** Headers of client-go's transport/round_trippers.go, impersonatingRoundTripper. */
    private static List<Caller.Header> impersonation(final JsonValue user) {
        final List<Caller.Header> headers = new ArrayList<>();
        final String name = Kubeconfig.text(user, "as");
        final JsonValue uid = user.member("as-uid");
        final JsonValue groups = user.member("as-groups");
        final JsonValue extra = user.member("as-user-extra");
        for (final JsonValue other : new @Nullable JsonValue[] {uid, groups, extra}) {
            if (null != other && name.isEmpty()) {
                throw other.error("says whom to act as in part: there is no \"as\"");
            }
        }
        if (!name.isEmpty()) {
            headers.add(new Caller.Header("Impersonate-User", name));
        }
        if (null != uid) {
            headers.add(new Caller.Header("Impersonate-Uid", uid.string()));
        }
        if (null != groups) {
            groups.elements().forEach(group -> headers.add(new Caller.Header("Impersonate-Group", group.string())));
        }
        if (null != extra) {
            extra.members()
                    .forEach((key, values) -> values.elements()
                            .forEach(value -> headers.add(
                                    new Caller.Header("Impersonate-Extra-" + headerKey(key), value.string()))));
        }
        return headers;
    }

    /** A header's name has no other characters (RFC 9110, 5.6.2); the API server decodes the percent signs. */
    private static String headerKey(final String key) {
        final StringBuilder text = new StringBuilder();
        for (final byte each : key.getBytes(StandardCharsets.UTF_8)) {
            final char letter = (char) (each & 0xff);
            final boolean isPlain = (letter >= 'a' && letter <= 'z')
                    || (letter >= 'A' && letter <= 'Z')
                    || (letter >= '0' && letter <= '9')
                    || "!#$&'*+-.^_`|~".indexOf(letter) >= 0;
            text.append(isPlain ? String.valueOf(letter) : String.format(Locale.ROOT, "%%%02X", (int) letter));
        }
        return text.toString();
    }
}
