/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.tls;

import java.net.Socket;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;

/** Believes whoever answers, since somebody has asked for just that (insecure-skip-tls-verify). */
final class TrustEverybody extends X509ExtendedTrustManager {
    @Override
    public void checkServerTrusted(final X509Certificate[] chain, final String authType, final SSLEngine engine) {}

    @Override
    public void checkServerTrusted(final X509Certificate[] chain, final String authType, final Socket socket) {}

    @Override
    public void checkServerTrusted(final X509Certificate[] chain, final String authType) {}

    @Override
    public void checkClientTrusted(final X509Certificate[] chain, final String authType, final SSLEngine engine) {}

    @Override
    public void checkClientTrusted(final X509Certificate[] chain, final String authType, final Socket socket) {}

    @Override
    public void checkClientTrusted(final X509Certificate[] chain, final String authType) {}

    @Override
    public X509Certificate[] getAcceptedIssuers() {
        return new X509Certificate[0];
    }
}
