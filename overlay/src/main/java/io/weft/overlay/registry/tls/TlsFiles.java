/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.tls;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.registry.RegistryException;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/**
 * TLS by an authority, a client's certificate and its key, each in a file that may be renewed while it is in use. Files that are
 * wrong, as they are for a moment when one is renewed before the other, change nothing. May be used by several threads.
 */
public final class TlsFiles {
    private static final System.Logger LOG = System.getLogger(TlsFiles.class.getName());
    private static final char[] NO_PASSWORD = new char[0];

    private final @Nullable PemSource authorities;
    private final @Nullable PemSource certificate;
    private final @Nullable PemSource key;
    private final ServerCheck check;
    /** The texts that were looked at last, whether they were fit for use or not. */
    private List<byte[]> texts = List.of();
    /** Why they are not fit for use; empty if they are. */
    private String fault = "";

    private SSLContext context;
    private String trouble = "";

    /**
     * Reads what is there now.
     *
     * @param authorities certificates that sign the server's; null for the JDK's own.
     * @param certificate the client's, with its chain; null without.
     * @param key the client's private key; null without.
     * @throws RegistryException when one of them is not usable; the message names it.
     */
    public TlsFiles(
            final @Nullable PemSource authorities,
            final @Nullable PemSource certificate,
            final @Nullable PemSource key) {
        this(authorities, certificate, key, ServerCheck.BY_URL);
    }

    /**
     * The same, where the server is not known by the name in its URL.
     *
     * @param check what is looked at.
     */
    public TlsFiles(
            final @Nullable PemSource authorities,
            final @Nullable PemSource certificate,
            final @Nullable PemSource key,
            final ServerCheck check) {
        this.check = check;
        if (null == certificate ^ null == key) {
            throw new RegistryException((null == certificate ? key : certificate) + " is of no use alone: name the "
                    + (null == certificate ? "certificate of this key" : "key of this certificate") + " too");
        }
        this.authorities = authorities;
        this.certificate = certificate;
        this.key = key;
        try {
            texts = read();
            context = load(texts);
        } catch (final GeneralSecurityException failure) {
            throw new RegistryException(String.valueOf(failure.getMessage()), failure);
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

    /** The same TLS with a server that is called by an address in the place of its name. */
    public static SSLContext named(final SSLContext context, final String host) {
        return context instanceof NamedContext ? context : new NamedContext(context, host);
    }

    /** TLS, version 1.2 at least, by the files as they are now: the same object as long as they are the same. */
    public synchronized SSLContext context() {
        try {
            take(read());
            tell(fault);
        } catch (final GeneralSecurityException unreadable) {
            tell(String.valueOf(unreadable.getMessage()));
        }
        return context;
    }

    /** Why the files cannot be used as they were when they were looked at last; empty if they are in use. */
    synchronized String trouble() {
        return trouble;
    }

    private void take(final List<byte[]> now) {
        if (areEqual(now, texts)) {
            return;
        }
        texts = now;
        try {
            context = load(now);
            fault = "";
            LOG.log(INFO, "TLS keys or certificates were renewed: connections use them from now on");
        } catch (final GeneralSecurityException unfit) {
            fault = String.valueOf(unfit.getMessage());
        }
    }

    private void tell(final String cause) {
        if (!cause.isEmpty() && !cause.equals(trouble)) {
            LOG.log(WARNING, "{0}. TLS goes on with what was there before", cause);
        }
        trouble = cause;
    }

    private static boolean areEqual(final List<byte[]> one, final List<byte[]> other) {
        return Arrays.deepEquals(one.toArray(), other.toArray());
    }

    /** The three texts; one that is not configured is empty. */
    private List<byte[]> read() throws GeneralSecurityException {
        final List<byte[]> read = new ArrayList<>(3);
        for (final PemSource source : new @Nullable PemSource[] {authorities, certificate, key}) {
            try {
                read.add(null == source ? new byte[0] : source.read());
            } catch (final IOException failure) {
                throw new GeneralSecurityException(source + ": cannot be read: " + failure.getMessage(), failure);
            }
        }
        return read;
    }

    private SSLContext load(final List<byte[]> read) throws GeneralSecurityException {
        final SSLContext loaded = SSLContext.getInstance("TLS");
        loaded.init(
                keyManagers(read.get(1), read.get(2)),
                check.isSkipped() ? new TrustManager[] {new TrustEverybody()} : trustManagers(read.get(0)),
                null);
        return check.name().isEmpty() ? loaded : new NamedContext(loaded, check.name());
    }

    private KeyManager @Nullable [] keyManagers(final byte[] certificateText, final byte[] keyText)
            throws GeneralSecurityException {
        if (null == certificate || null == key || (0 == certificateText.length && 0 == keyText.length)) {
            return null;
        }
        final List<X509Certificate> chain = named(certificate, () -> Pem.certificates(certificateText));
        final PrivateKey privateKey = named(key, () -> Pem.privateKey(keyText));
        if (!belong(privateKey, chain.get(0).getPublicKey())) {
            throw new GeneralSecurityException(key + " is not the key of " + certificate);
        }
        final KeyStore store = emptyStore();
        store.setKeyEntry("client", privateKey, NO_PASSWORD, chain.toArray(Certificate[]::new));
        final KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, NO_PASSWORD);
        return factory.getKeyManagers();
    }

    /** The JDK itself does not look, and the handshake fails with words that tell nothing. */
    private static boolean belong(final PrivateKey privateKey, final PublicKey publicKey)
            throws GeneralSecurityException {
        final String family = switch (privateKey.getAlgorithm()) {
            case "RSA" -> "SHA256withRSA";
            case "EC" -> "SHA256withECDSA";
            default -> "";
        };
        if (family.isEmpty()) {
            return true;
        }
        if (!privateKey.getAlgorithm().equals(publicKey.getAlgorithm())) {
            return false;
        }
        final byte[] text = {1, 2, 3};
        final Signature signature = Signature.getInstance(family);
        signature.initSign(privateKey);
        signature.update(text);
        final byte[] signed = signature.sign();
        signature.initVerify(publicKey);
        signature.update(text);
        return signature.verify(signed);
    }

    private TrustManager @Nullable [] trustManagers(final byte[] text) throws GeneralSecurityException {
        if (null == authorities) {
            return null;
        }
        final KeyStore store = emptyStore();
        int index = 0;
        for (final Certificate authority : named(authorities, () -> Pem.certificates(text))) {
            store.setCertificateEntry("authority-" + index++, authority);
        }
        final TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return factory.getTrustManagers();
    }

    private interface Reading<T> {
        T run() throws GeneralSecurityException;
    }

    /** Errors of a text tell which it is. */
    private static <T> T named(final PemSource source, final Reading<T> reading) throws GeneralSecurityException {
        try {
            return reading.run();
        } catch (final GeneralSecurityException failure) {
            throw new GeneralSecurityException(source + ": " + failure.getMessage(), failure);
        }
    }

    private static KeyStore emptyStore() throws GeneralSecurityException {
        final KeyStore store = KeyStore.getInstance("PKCS12");
        try {
            store.load(null, NO_PASSWORD);
        } catch (final IOException failure) {
            throw new GeneralSecurityException(failure); // nothing is read
        }
        return store;
    }
}
