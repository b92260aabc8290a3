/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/** TLS from PEM text, the form in which etcd's and Kubernetes' users have keys and certificates. */
public final class PemKeys {
    private static final Pattern BLOCK =
            Pattern.compile("-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----([^-]*)-----END", Pattern.DOTALL);
    private static final char[] NO_PASSWORD = new char[0];
    /** RFC 8018: version 0 and the algorithm rsaEncryption, which PKCS#8 puts in front of a PKCS#1 key. */
    private static final byte[] PKCS8_RSA = {
        0x02,
        0x01,
        0x00,
        0x30,
        0x0d,
        0x06,
        0x09,
        0x2a,
        (byte) 0x86,
        0x48,
        (byte) 0x86,
        (byte) 0xf7,
        0x0d,
        0x01,
        0x01,
        0x01,
        0x05,
        0x00
    };

    private PemKeys() {}

    /**
     * Reads a file for {@link #context}.
     *
     * @param option that names the file, for the message.
     * @throws RegistryException when it cannot be read.
     */
    public static byte @Nullable [] read(final String option, final @Nullable Path file) {
        try {
            return null == file ? null : Files.readAllBytes(file);
        } catch (final IOException failure) {
            throw new RegistryException(option + "=" + file + ": cannot be read: " + failure, failure);
        }
    }

    /**
     * A TLS context, version 1.2 at least.
     *
     * @param authorities certificates that sign the server's; null for the JDK's own.
     * @param certificate the client's, with its chain; null without.
     * @param key the client's private key, PKCS#8 or PKCS#1; null without.
     * @throws RegistryException when one of them is not usable.
     */
    public static SSLContext context(
            final byte @Nullable [] authorities, final byte @Nullable [] certificate, final byte @Nullable [] key) {
        try {
            final SSLContext context = SSLContext.getInstance("TLS");
            context.init(keyManagers(certificate, key), trustManagers(authorities), null);
            return context;
        } catch (final GeneralSecurityException | IOException failure) {
            throw new RegistryException("TLS keys or certificates are not usable: " + failure.getMessage(), failure);
        }
    }

    /** A TLS context that trusts nobody, for plain HTTP: a client without one reads all of the JDK's certificates at its start. */
    public static SSLContext withoutAny() {
        try {
            final SSLContext context = SSLContext.getInstance("TLS");
            context.init(new KeyManager[0], new TrustManager[0], null);
            return context;
        } catch (final GeneralSecurityException failure) {
            throw new IllegalStateException("every JDK has TLS", failure);
        }
    }

    private static KeyManager @Nullable [] keyManagers(final byte @Nullable [] certificate, final byte @Nullable [] key)
            throws GeneralSecurityException, IOException {
        if (null == certificate || null == key) {
            return null;
        }
        final KeyStore store = emptyStore();
        store.setKeyEntry(
                "client",
                privateKey(key),
                NO_PASSWORD,
                certificates(certificate).toArray(Certificate[]::new));
        final KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, NO_PASSWORD);
        return factory.getKeyManagers();
    }

    private static TrustManager @Nullable [] trustManagers(final byte @Nullable [] authorities)
            throws GeneralSecurityException, IOException {
        if (null == authorities) {
            return null;
        }
        final KeyStore store = emptyStore();
        int index = 0;
        for (final Certificate authority : certificates(authorities)) {
            store.setCertificateEntry("authority-" + index++, authority);
        }
        final TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return factory.getTrustManagers();
    }

    private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
        final KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, NO_PASSWORD);
        return store;
    }

    private static Collection<? extends Certificate> certificates(final byte[] pem) throws GeneralSecurityException {
        return CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(pem));
    }

    private static PrivateKey privateKey(final byte[] pem) throws GeneralSecurityException {
        final Matcher matcher = BLOCK.matcher(new String(pem, StandardCharsets.US_ASCII));
        if (!matcher.find()) {
            throw new GeneralSecurityException("no PRIVATE KEY block in the key file");
        }
        final byte[] der = Base64.getMimeDecoder().decode(matcher.group(2));
        return switch (matcher.group(1)) {
            case "PRIVATE KEY" -> pkcs8(der);
            case "RSA PRIVATE KEY" -> pkcs8(wrapRsa(der));
            default ->
                throw new GeneralSecurityException("a \"" + matcher.group(1)
                        + "\" is not supported, convert it: openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW");
        };
    }

    private static PrivateKey pkcs8(final byte[] der) throws GeneralSecurityException {
        GeneralSecurityException last = new GeneralSecurityException("no algorithm for the private key");
        for (final String algorithm : new String[] {"RSA", "EC", "Ed25519"}) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
            } catch (final GeneralSecurityException failure) {
                last = failure; // the next algorithm may fit; the last failure is thrown when none does
            }
        }
        throw last;
    }

    private static byte[] wrapRsa(final byte[] pkcs1) {
        final byte[] octets = tagged((byte) 0x04, pkcs1);
        final byte[] body = new byte[PKCS8_RSA.length + octets.length];
        System.arraycopy(PKCS8_RSA, 0, body, 0, PKCS8_RSA.length);
        System.arraycopy(octets, 0, body, PKCS8_RSA.length, octets.length);
        return tagged((byte) 0x30, body);
    }

    /** X.690: tag, length in three bytes (keys of 128 to 65535 bytes), value. */
    private static byte[] tagged(final byte tag, final byte[] value) {
        final byte[] der = new byte[4 + value.length];
        der[0] = tag;
        der[1] = (byte) 0x82;
        der[2] = (byte) (value.length >>> 8);
        der[3] = (byte) value.length;
        System.arraycopy(value, 0, der, 4, value.length);
        return der;
    }
}
