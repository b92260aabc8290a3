/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.http;

import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What the hosts of URLs are called on the wire. */
public final class HostAddresses {
    private HostAddresses() {}

    /** The addresses of all hosts whose name is known at present; of others there are none. */
    public static Set<InetAddress> of(final Collection<URI> urls) {
        final Set<InetAddress> addresses = new HashSet<>();
        for (final URI url : urls) {
            if (null != url.getHost()) {
                addresses.addAll(of(url.getHost()));
            }
        }
        return addresses;
    }

    private static List<InetAddress> of(final String host) {
        try {
            return List.of(InetAddress.getAllByName(host));
        } catch (final UnknownHostException unknown) {
            return List.of(); // nothing can be said of it, and nobody reaches it either
        }
    }
}
