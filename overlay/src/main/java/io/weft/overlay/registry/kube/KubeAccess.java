/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.registry.BoundedFile;
import io.weft.overlay.registry.RegistryException;
import io.weft.overlay.registry.UnavailableException;
import io.weft.overlay.registry.tls.PemSource;
import io.weft.overlay.registry.tls.TlsFiles;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How the API server is reached.
 *
 * @param server its URL, without a slash at its end; the API may be below a path.
 * @param tls null for http.
 * @param token of the caller; null without.
 * @param tokenFile read for each request, since the kubelet renews it; null without.
 */
public record KubeAccess(
        URI server,
        @Nullable TlsFiles tls,
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
            return new KubeAccess(server("--kube-api-url", apiUrl), null, null, null);
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
                server("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT", "https://" + literal + ':' + port),
                new TlsFiles(PemSource.ofFile("service account", SERVICE_ACCOUNT.resolve("ca.crt")), null, null),
                null,
                SERVICE_ACCOUNT.resolve("token"));
    }

    private static URI server(final String option, final String url) {
        try {
            final URI uri = new URI(url.replaceAll("/+$", ""));
            if (("http".equals(uri.getScheme()) || "https".equals(uri.getScheme())) && null != uri.getHost()) {
                return uri;
            }
        } catch (final URISyntaxException failure) {
            throw new RegistryException(option + ": \"" + url + "\" is no URL: " + failure.getReason(), failure);
        }
        throw new RegistryException(option + ": \"" + url + "\" is no URL such as https://10.0.0.1:6443");
    }

    private static KubeAccess ofKubeconfig(final Path file, final String apiUrl) {
        final JsonValue root;
        try {
            root = JsonReader.read(BoundedFile.read(file, BoundedFile.SETTING_LENGTH_MAX), String.valueOf(file));
        } catch (final IOException failure) {
            throw new RegistryException(
                    "--kubeconfig-file=" + file + ": cannot be read: " + failure.getMessage(), failure);
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
            final URI server = apiUrl.isEmpty()
                    ? server(file + ": server", cluster.required("server").string())
                    : server("--kube-api-url", apiUrl);
            final TlsFiles tls = "https".equals(server.getScheme())
                    ? new TlsFiles(
                            pem(cluster, "certificate-authority"),
                            pem(user, "client-certificate"),
                            pem(user, "client-key"))
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
    private static @Nullable PemSource pem(final JsonValue object, final String key) {
        final JsonValue inline = object.member(key + "-data");
        if (null == inline) {
            final JsonValue file = object.member(key);
            return null == file ? null : PemSource.ofFile(file.path(), Path.of(file.string()));
        }
        try {
            return PemSource.ofText(inline.path(), Base64.getMimeDecoder().decode(inline.string()));
        } catch (final IllegalArgumentException failure) {
            throw inline.error("is no base64: " + failure.getMessage());
        }
    }

    /** The header that tells who calls; null without. */
    @Nullable
    String authorization() throws UnavailableException {
        try {
            final String current = null == tokenFile
                    ? token
                    : new String(BoundedFile.read(tokenFile, BoundedFile.SETTING_LENGTH_MAX), StandardCharsets.UTF_8)
                            .strip();
            return null == current ? null : "Bearer " + current;
        } catch (final IOException failure) {
            throw new UnavailableException("read the token " + tokenFile + ": " + failure.getMessage(), failure);
        }
    }
}
