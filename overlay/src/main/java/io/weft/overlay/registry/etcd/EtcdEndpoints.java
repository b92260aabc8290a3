/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import io.weft.overlay.options.QuotedUrl;
import io.weft.overlay.registry.RegistryException;
import io.weft.overlay.registry.http.HostAddresses;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The URLs of etcd's members and the prefix of the keys, as operators write them for flanneld. */
final class EtcdEndpoints {
    private EtcdEndpoints() {}

    /**
     * Reads a comma-delimited list. A slash at the end means nothing; without a scheme it is https where TLS files are given, else
     * http, as etcd's own client takes it.
     *
     * @throws RegistryException naming the one that is no such URL.
     */
    static List<URI> parse(final String text, final boolean hasTlsFiles) {
        try {
            return split(text, hasTlsFiles);
        } catch (final RegistryException fault) {
            if (text.indexOf('@') < 0) {
                throw fault;
            }
            // A password may have a comma in it: what it was split into is not to be quoted, nor is what was said of
            // it.
            throw new RegistryException("--etcd-endpoints: \"" + QuotedUrl.of(text)
                    + "\" has a user, or is no URL such as http://127.0.0.1:2379; name a user by --etcd-username and"
                    + " --etcd-password");
        }
    }

    private static List<URI> split(final String text, final boolean hasTlsFiles) {
        final List<URI> endpoints = new ArrayList<>();
        for (final String part : text.split(",", -1)) {
            final String url = part.strip();
            if (url.isEmpty()) {
                continue; // a comma at the end
            }
            endpoints.add(endpoint(url.contains("://") ? url : (hasTlsFiles ? "https://" : "http://") + url));
        }
        if (endpoints.isEmpty()) {
            throw new RegistryException("--etcd-endpoints=" + text
                    + ": must be one or more URLs such as http://127.0.0.1:2379, with commas between them");
        }
        return List.copyOf(endpoints);
    }

    private static URI endpoint(final String url) {
        final String fault;
        try {
            final URI uri = new URI(url);
            final String scheme = null == uri.getScheme() ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
            if (!"http".equals(scheme) && !"https".equals(scheme)) {
                fault = "has the scheme \"" + scheme + "\", must be http or https";
            } else if (null != uri.getRawUserInfo()) {
                fault = "has a user";
            } else if (null == uri.getHost()) {
                fault = HostAddresses.hasUnderscore(uri)
                        ? HostAddresses.UNDERSCORE
                        : "has no host; an IPv6 address needs brackets";
            } else if (uri.getPort() > 65535) {
                fault = "has port " + uri.getPort() + ", must be up to 65535";
            } else if (null != uri.getQuery() || null != uri.getFragment()) {
                fault = "has a query, which means nothing here";
            } else {
                final String path = uri.getPath().replaceAll("/+$", "");
                return new URI(scheme, null, uri.getHost(), uri.getPort(), path, null, null);
            }
        } catch (final URISyntaxException failure) {
            throw new RegistryException("--etcd-endpoints: \"" + url + "\" is no URL such as http://127.0.0.1:2379: "
                    + failure.getReason());
        }
        throw new RegistryException("--etcd-endpoints: \"" + url + "\" " + fault);
    }

    /** A key below a prefix, as Go's path.Join makes it, with which flannel does: slashes at the end or twice mean nothing. */
    static String key(final String prefix, final String name) {
        final List<String> parts = new ArrayList<>();
        final boolean isRooted = prefix.startsWith("/");
        for (final String part : (prefix + '/' + name).split("/", -1)) {
            if ("..".equals(part) && !parts.isEmpty() && !"..".equals(parts.get(parts.size() - 1))) {
                parts.remove(parts.size() - 1);
            } else if (!part.isEmpty() && !".".equals(part) && !("..".equals(part) && isRooted)) {
                parts.add(part);
            }
        }
        return (isRooted ? "/" : "") + String.join("/", parts);
    }
}
