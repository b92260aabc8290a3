/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.tls;

import java.security.SecureRandom;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLContextSpi;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocketFactory;
import javax.net.ssl.SSLSessionContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;

/**
 * TLS with a server that is called by another name than the one in its URL (tls-server-name): asked for by that name, and its
 * certificate has to have it. The JDK's HTTP client takes both from the URL and has no other way to say it.
 */
final class NamedContext extends SSLContext {
    /** @param name without the root's dot, or with it, which no certificate has (RFC 6066, 3). */
    NamedContext(final SSLContext context, final String name) {
        super(
                new Engines(context, name.endsWith(".") ? name.substring(0, name.length() - 1) : name),
                context.getProvider(),
                context.getProtocol());
    }

    private static final class Engines extends SSLContextSpi {
        private final SSLContext context;
        private final String name;

        Engines(final SSLContext context, final String name) {
            this.context = context;
            this.name = name;
        }

        @Override
        protected SSLEngine engineCreateSSLEngine() {
            return engineCreateSSLEngine(name, -1);
        }

        @Override
        protected SSLEngine engineCreateSSLEngine(final String host, final int port) {
            return new NamedEngine(context.createSSLEngine(name, port), name);
        }

        @Override
        protected void engineInit(
                final KeyManager[] keyManagers, final TrustManager[] trustManagers, final SecureRandom random) {
            throw new IllegalStateException("it is ready for use");
        }

        @Override
        protected SSLSocketFactory engineGetSocketFactory() {
            throw new UnsupportedOperationException("the JDK's HTTP client uses engines");
        }

        @Override
        protected SSLServerSocketFactory engineGetServerSocketFactory() {
            throw new UnsupportedOperationException("this is a client");
        }

        @Override
        protected SSLSessionContext engineGetServerSessionContext() {
            return context.getServerSessionContext();
        }

        @Override
        protected SSLSessionContext engineGetClientSessionContext() {
            return context.getClientSessionContext();
        }

        @Override
        protected SSLParameters engineGetDefaultSSLParameters() {
            return context.getDefaultSSLParameters();
        }

        @Override
        protected SSLParameters engineGetSupportedSSLParameters() {
            return context.getSupportedSSLParameters();
        }
    }
}
