/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.http;

import java.net.InetSocketAddress;
import java.net.ProxySelector;
import org.jspecify.annotations.Nullable;

/**
 * A proxy of HTTP, which for a server of https is asked for a tunnel (CONNECT).
 *
 * @param host name or address.
 * @param authorization value of the header that tells the proxy who calls; null without.
 */
public record HttpProxy(String host, int port, @Nullable String authorization) {
    /** Of the header that tells the proxy who calls. */
    public static final String AUTHORIZATION = "Proxy-Authorization";

    /** Its name is looked up for each connection. */
    ProxySelector selector() {
        return ProxySelector.of(InetSocketAddress.createUnresolved(host, port));
    }
}
