/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.registry.PemKeys;
import io.weft.overlay.registry.RegistryException;
import io.weft.overlay.registry.UnavailableException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;
import java.util.Objects;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * How the API server is reached.
 *
 * @param server its URL.
 * @param tls null for http.
 * @param token of the caller; null without.
 * @param tokenFile read for each request, since the kubelet renews it; null without.
 */
public record KubeAccess(
        URI server,
        @Nullable SSLContext tls,
        @Nullable String token,
        @Nullable Path tokenFile) {
    /** Where the kubelet puts a pod's credentials. */
    private static final Path SERVICE_ACCOUNT = Path.of("/var/run/secrets/kubernetes.io/serviceaccount");

    /**
     * By kubeconfig, by URL, or as a pod, in this order.
     *
     * @param kubeconfig a kubeconfig in JSON; null for none.
     * @param apiUrl empty for none.
     * @throws RegistryException when none of them tells a server.
     */
    public static KubeAccess of(
            final @Nullable Path kubeconfig, final String apiUrl, final Map<String, String> environment) {
        if (null != kubeconfig) {
            return ofKubeconfig(kubeconfig, apiUrl);
        }
        if (!apiUrl.isEmpty()) {
            return new KubeAccess(URI.create(apiUrl), null, null, null);
        }
        final String host = environment.get("KUBERNETES_SERVICE_HOST");
        final String port = environment.get("KUBERNETES_SERVICE_PORT");
        if (null == host || null == port) {
            throw new RegistryException(
                    "no Kubernetes API server is known: run as a pod, or name it by --kube-api-url or"
                            + " --kubeconfig-file");
        }
        final String literal = host.contains(":") ? '[' + host + ']' : host;
        return new KubeAccess(
                URI.create("https://" + literal + ':' + port),
                PemKeys.context(PemKeys.read("service account", SERVICE_ACCOUNT.resolve("ca.crt")), null, null),
                null,
                SERVICE_ACCOUNT.resolve("token"));
    }

    private static KubeAccess ofKubeconfig(final Path file, final String apiUrl) {
        final JsonValue root;
        try {
            root = JsonReader.read(
                    Objects.requireNonNull(PemKeys.read("--kubeconfig-file", file)), String.valueOf(file));
        } catch (final JsonException failure) {
            throw new RegistryException(
                    failure.getMessage() + ". weft reads a kubeconfig in JSON:"
                            + " kubectl config view --raw --minify --output=json",
                    failure);
        }
        try {
            final JsonValue context = named(
                            root, "contexts", root.required("current-context").string())
                    .required("context");
            final JsonValue cluster = named(
                            root, "clusters", context.required("cluster").string())
                    .required("cluster");
            final JsonValue user =
                    named(root, "users", context.required("user").string()).required("user");
            final URI server =
                    URI.create(apiUrl.isEmpty() ? cluster.required("server").string() : apiUrl);
            final SSLContext tls = "https".equals(server.getScheme())
                    ? PemKeys.context(
                            data(cluster, "certificate-authority"),
                            data(user, "client-certificate"),
                            data(user, "client-key"))
                    : null;
            final JsonValue token = user.member("token");
            final JsonValue tokenFile = user.member("tokenFile");
            return new KubeAccess(
                    server,
                    tls,
                    null == token ? null : token.string(),
                    null == tokenFile ? null : Path.of(tokenFile.string()));
        } catch (final JsonException failure) {
            throw new RegistryException(String.valueOf(failure.getMessage()), failure);
        }
    }

    private static JsonValue named(final JsonValue root, final String list, final String name) {
        for (final JsonValue element : root.required(list).elements()) {
            if (name.equals(element.required("name").string())) {
                return element;
            }
        }
        throw root.required(list).error("has no \"" + name + '"');
    }

    /** Either a file's name, or its content in base64 under the name with {@code -data}. */
    private static byte @Nullable [] data(final JsonValue object, final String key) {
        final JsonValue inline = object.member(key + "-data");
        if (null != inline) {
            return Base64.getMimeDecoder().decode(inline.string());
        }
        final JsonValue file = object.member(key);
        return null == file ? null : PemKeys.read(file.path(), Path.of(file.string()));
    }

    /** The header that tells who calls; null without. */
    @Nullable
    String authorization() throws UnavailableException {
        try {
            final String current =
                    null == tokenFile ? token : Files.readString(tokenFile).strip();
            return null == current ? null : "Bearer " + current;
        } catch (final IOException failure) {
            throw new UnavailableException("read the token " + tokenFile + ": " + failure.getMessage(), failure);
        }
    }
}
