/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube.access;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.options.QuotedUrl;
import io.weft.overlay.registry.RegistryException;
import io.weft.overlay.registry.http.HostAddresses;
import io.weft.overlay.registry.http.HttpProxy;
import io.weft.overlay.registry.tls.PemSource;
import io.weft.overlay.registry.tls.TlsFiles;
import java.io.File;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** How the API server is reached, as it is said now: files may be renewed while they are in use. May be used by several threads. */
public final class KubeAccess {
    private static final System.Logger LOG = System.getLogger(KubeAccess.class.getName());
    private static final Pattern HOST_AND_PORT = Pattern.compile("([\\w.-]+|\\[[0-9a-fA-F:.]+]):\\d{1,5}");
    /** Where the kubelet puts a pod's credentials. */
    private static final Path SERVICE_ACCOUNT = Path.of("/var/run/secrets/kubernetes.io/serviceaccount");

    private final @Nullable Kubeconfig kubeconfig;
    private final URI server;
    private Connection current;
    private String trouble = "";

    /**
     * A server and who calls it.
     *
     * @param server its URL, without a slash at its end; the API may be below a path.
     * @param tls null for http.
     * @param proxy in between; null for none.
     * @param caller who calls.
     */
    public record Connection(
            URI server, @Nullable TlsFiles tls, @Nullable HttpProxy proxy, Caller caller) {}

    private KubeAccess(final @Nullable Kubeconfig kubeconfig, final Connection first) {
        this.kubeconfig = kubeconfig;
        current = first;
        server = first.server;
    }

    /**
     * By kubeconfig, by URL, by KUBECONFIG, or as a pod, in this order. A URL beside a kubeconfig stands for the server that is named there,
     * as with flanneld.
     *
     * @param file a kubeconfig; null for none.
     * @param apiUrl empty for none.
     * @param environment of this process.
     * @throws RegistryException when none of them tells a server, or what is said is wrong.
     */
    public static KubeAccess of(final @Nullable Path file, final String apiUrl, final Map<String, String> environment) {
        final String list = environment.getOrDefault("KUBECONFIG", "");
        if (null != file) {
            return ofKubeconfig(new Kubeconfig(List.of(file), true, apiUrl, environment));
        }
        if (!apiUrl.isEmpty()) {
            return new KubeAccess(null, ofUrl(apiUrl, environment));
        }
        if (!list.isEmpty()) {
            final List<Path> files = Pattern.compile(File.pathSeparator, Pattern.LITERAL)
                    .splitAsStream(list)
                    .filter(name -> !name.isEmpty())
                    .map(Path::of)
                    .toList();
            return ofKubeconfig(new Kubeconfig(files, false, "", environment));
        }
        return new KubeAccess(null, ofPod(environment));
    }

    private static KubeAccess ofKubeconfig(final Kubeconfig kubeconfig) {
        return new KubeAccess(kubeconfig, kubeconfig.read());
    }

    /** A server that is not told who calls. */
    static Connection ofUrl(final String apiUrl, final Map<String, String> environment) {
        return connection(server("--kube-api-url", apiUrl), null, environment, Caller.ANONYMOUS);
    }

    private static Connection ofPod(final Map<String, String> environment) {
        final String host = environment.get("KUBERNETES_SERVICE_HOST");
        final String port = environment.get("KUBERNETES_SERVICE_PORT");
        if (null == host || null == port) {
            throw new RegistryException(
                    "no Kubernetes API server is known: run as a pod, or name it by --kube-api-url, --kubeconfig-file or"
                            + " KUBECONFIG");
        }
        final String literal = host.contains(":") && !host.startsWith("[") ? '[' + host + ']' : host;
        return connection(
                server("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT", "https://" + literal + ':' + port),
                PemSource.ofFile("service account", SERVICE_ACCOUNT.resolve("ca.crt")),
                environment,
                Caller.ofTokenFile(SERVICE_ACCOUNT.resolve("token")));
    }

    private static Connection connection(
            final URI server,
            final @Nullable PemSource authorities,
            final Map<String, String> environment,
            final Caller caller) {
        final boolean isTls = "https".equals(server.getScheme());
        return new Connection(
                server,
                isTls ? new TlsFiles(authorities, null, null) : null,
                ProxyChoice.of(server, "", "", environment),
                caller);
    }

    /**
     * The server of a URL, or of a host and its port, which client-go calls by http (rest/url_utils.go, DefaultServerURL).
     *
     * @param option that has the URL, for messages.
     */
    static URI server(final String option, final String url) {
        try {
            final String trimmed = url.replaceAll("/+$", "");
            final URI uri = new URI(HOST_AND_PORT.matcher(trimmed).matches() ? "http://" + trimmed : trimmed);
            if (("http".equals(uri.getScheme()) || "https".equals(uri.getScheme())) && null != uri.getHost()) {
                return uri;
            }
            if (HostAddresses.hasUnderscore(uri)) {
                throw new RegistryException(option + ": \"" + uri + "\" " + HostAddresses.UNDERSCORE);
            }
        } catch (final URISyntaxException failure) {
            // Not as the cause, whose message has all of the URL.
            throw new RegistryException(option + ": \"" + QuotedUrl.of(url) + "\" is no URL: " + failure.getReason());
        }
        throw new RegistryException(option + ": \"" + QuotedUrl.of(url)
                + "\" is no URL such as https://10.0.0.1:6443, nor a host and a port for http");
    }

    /** The server as it was first. */
    public URI server() {
        return server;
    }

    /** How it is reached now: the same object as long as a kubeconfig says the same. One that is wrong now changes nothing. */
    public synchronized Connection connection() {
        if (null == kubeconfig) {
            return current;
        }
        try {
            final Connection changed = kubeconfig.readChanged();
            if (null != changed) {
                current = changed;
                LOG.log(
                        INFO,
                        "{0} has changed: the Kubernetes API is called as it says now{1}",
                        kubeconfig,
                        LogFields.of("registry", "kube", "file", kubeconfig));
            }
            trouble = "";
        } catch (final RegistryException failure) {
            final String cause = String.valueOf(failure.getMessage());
            if (!cause.equals(trouble)) {
                LOG.log(WARNING, "{0}. What it said before counts until that is mended", cause);
                trouble = cause;
            }
        }
        return current;
    }
}
