/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube.access;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.overlay.registry.RegistryException;
import io.weft.overlay.registry.http.HttpProxy;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which proxy leads to a server: that of the kubeconfig, else that of the environment, as Go programs choose it
 * (golang.org/x/net/http/httpproxy).
 */
final class ProxyChoice {
    private static final int HTTP_PORT = 80;
    private static final int HTTPS_PORT = 443;

    private ProxyChoice() {}

    /**
     * Chooses.
     *
     * @param option that has the URL, for messages.
     * @param proxyUrl of a kubeconfig; empty for none.
     * @return null for none.
     * @throws RegistryException when it is of a kind that is not known here, or one that leads to no such server.
     */
    static @Nullable HttpProxy of(
            final URI server, final String option, final String proxyUrl, final Map<String, String> environment) {
        if (!proxyUrl.isEmpty()) {
            return leading(server, option, "take the proxy away there", proxy(option, proxyUrl));
        }
        final String variable = "https".equals(server.getScheme()) ? "HTTPS_PROXY" : "HTTP_PROXY";
        final String url = variable(environment, variable);
        if (url.isEmpty() || isDirect(server, variable(environment, "NO_PROXY"))) {
            return null;
        }
        return leading(server, variable, "add " + unbracketed(server.getHost()) + " to NO_PROXY", proxy(variable, url));
    }

    /** The JDK's HTTP client, 17 as well as 25, takes an IPv6 address behind a proxy for a name to ask for by TLS, which it can not be. */
    private static HttpProxy leading(
            final URI server, final String option, final String remedy, final HttpProxy proxy) {
        if ("https".equals(server.getScheme()) && server.getHost().startsWith("[")) {
            throw new RegistryException(option + ": Java's HTTP client reaches no https server at an IPv6 address, as "
                    + server + ", by a proxy (" + proxy.host() + ", port " + proxy.port() + "): " + remedy
                    + ", or name the server by a host name");
        }
        return proxy;
    }

    private static String variable(final Map<String, String> environment, final String name) {
        final String upper = environment.getOrDefault(name, "");
        return upper.isEmpty() ? environment.getOrDefault(name.toLowerCase(Locale.ROOT), "") : upper;
    }

    private static HttpProxy proxy(final String option, final String text) {
        try {
            final URI url = new URI(text.contains("://") ? text : "http://" + text);
            if (!"http".equals(url.getScheme())) {
                throw new RegistryException(option + ": the proxy is of the kind " + url.getScheme()
                        + "://, weft knows http:// alone (also to servers of https)");
            }
            if (null == url.getHost()) {
                throw new RegistryException(option + ": names no host, write it as http://10.0.0.1:3128");
            }
            return new HttpProxy(
                    unbracketed(url.getHost()),
                    url.getPort() < 0 ? HTTP_PORT : url.getPort(),
                    null == url.getUserInfo() ? null : "Basic " + Caller.basic(url.getUserInfo()));
        } catch (final URISyntaxException failure) {
            // Without the text, which may have a password.
            throw new RegistryException(option + ": is no URL: " + failure.getReason(), failure);
        }
    }

    private static String unbracketed(final String host) {
        return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
    }

    /** Whether a server is one of those that need no proxy. */
    private static boolean isDirect(final URI server, final String exceptions) {
        final String host = unbracketed(server.getHost()).toLowerCase(Locale.ROOT);
        final int port =
                server.getPort() >= 0 ? server.getPort() : "https".equals(server.getScheme()) ? HTTPS_PORT : HTTP_PORT;
        final IpAddress address = address(host);
        if ("localhost".equals(host)
                || (null != address && address.toInetAddress().isLoopbackAddress())) {
            return true;
        }
        for (final String part : exceptions.split(",", -1)) {
            if (matches(part.strip().toLowerCase(Locale.ROOT), host, address, port)) {
                return true;
            }
        }
        return false;
    }

    private static boolean matches(
            final String exception, final String host, final @Nullable IpAddress address, final int port) {
        if (exception.isEmpty() || "*".equals(exception)) {
            return !exception.isEmpty();
        }
        if (exception.contains("/")) {
            return null != address && contains(exception, address);
        }
        String name = exception;
        final int colon = name.lastIndexOf(':');
        if (colon >= 0 && null == address(unbracketedOr(name))) {
            if (!name.substring(colon + 1).equals(String.valueOf(port))) {
                return false;
            }
            name = name.substring(0, colon);
        }
        final IpAddress exact = address(unbracketedOr(name));
        if (null != exact || null != address) {
            return null != exact && exact.equals(address);
        }
        if (name.startsWith("*.")) {
            name = name.substring(1);
        }
        return name.startsWith(".") ? host.endsWith(name) : host.equals(name) || host.endsWith('.' + name);
    }

    private static String unbracketedOr(final String text) {
        return text.startsWith("[") && text.endsWith("]") ? unbracketed(text) : text;
    }

    private static boolean contains(final String prefix, final IpAddress address) {
        try {
            return IpPrefix.parseContaining(prefix).contains(address);
        } catch (final IllegalArgumentException noPrefix) {
            return false;
        }
    }

    private static @Nullable IpAddress address(final String text) {
        try {
            return IpAddress.parse(text);
        } catch (final IllegalArgumentException name) {
            return null;
        }
    }
}
