/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.tls;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Certificates and private keys out of PEM text (RFC 7468, and the older forms that openssl writes beside it). */
final class Pem {
    private static final Pattern BLOCK =
            Pattern.compile("-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \\1-----", Pattern.DOTALL);
    private static final String PRIVATE_KEY = "PRIVATE KEY";
    private static final byte[] INTEGER_0 = {0x02, 0x01, 0x00};
    /** RFC 8017, A.1: rsaEncryption, with the NULL that stands for its parameters. */
    private static final byte[] RSA_ALGORITHM = {
        0x06, 0x09, 0x2a, (byte) 0x86, 0x48, (byte) 0x86, (byte) 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00
    };
    /** RFC 5480, 2.1.1: id-ecPublicKey; the curve follows. */
    private static final byte[] EC_ALGORITHM = {0x06, 0x07, 0x2a, (byte) 0x86, 0x48, (byte) 0xce, 0x3d, 0x02, 0x01};

    private Pem() {}

    private record Block(String label, String text) {
        byte[] der() throws GeneralSecurityException {
            try {
                return Base64.getMimeDecoder().decode(text);
            } catch (final IllegalArgumentException failure) {
                throw new GeneralSecurityException("its " + label + " is no base64", failure);
            }
        }
    }

    private static List<Block> blocks(final byte[] pem) {
        final List<Block> blocks = new ArrayList<>();
        final Matcher matcher = BLOCK.matcher(new String(pem, StandardCharsets.ISO_8859_1));
        while (matcher.find()) {
            blocks.add(new Block(matcher.group(1), matcher.group(2)));
        }
        return blocks;
    }

    /** All certificates of a text, which may have other blocks beside them; at least one. */
    static List<X509Certificate> certificates(final byte[] pem) throws GeneralSecurityException {
        final CertificateFactory factory = CertificateFactory.getInstance("X.509");
        final List<X509Certificate> certificates = new ArrayList<>();
        for (final Block block : blocks(pem)) {
            if (block.label.endsWith("CERTIFICATE")) {
                certificates.add((X509Certificate) factory.generateCertificate(new ByteArrayInputStream(block.der())));
            }
        }
        if (certificates.isEmpty()) {
            throw new GeneralSecurityException("has no CERTIFICATE in PEM");
        }
        return certificates;
    }

    /** The first private key of a text: PKCS#8, PKCS#1 (RSA) or SEC 1 (elliptic curves). */
    static PrivateKey privateKey(final byte[] pem) throws GeneralSecurityException {
        byte @Nullable [] curve = null;
        for (final Block block : blocks(pem)) {
            if ("EC PARAMETERS".equals(block.label)) {
                curve = block.der(); // openssl ecparam -genkey writes it before the key
            }
            if (!block.label.endsWith(PRIVATE_KEY)) {
                continue;
            }
            if (block.label.startsWith("ENCRYPTED") || block.text.contains("ENCRYPTED")) {
                throw new GeneralSecurityException(
                        "has a key with a pass phrase, write it without one:" + " openssl pkey -in OLD -out NEW");
            }
            return switch (block.label) {
                case PRIVATE_KEY -> pkcs8(block.der());
                case "RSA PRIVATE KEY" -> pkcs8(wrapped(RSA_ALGORITHM, new byte[0], block.der()));
                case "EC PRIVATE KEY" -> pkcs8(wrapped(EC_ALGORITHM, curve(block.der(), curve), block.der()));
                default ->
                    throw new GeneralSecurityException(
                            "has a \"" + block.label + "\", which is not known here: must be RSA, EC or PKCS#8");
            };
        }
        throw new GeneralSecurityException("has no PRIVATE KEY in PEM");
    }

    /** RFC 5915, 3: ECPrivateKey has its curve as [0], unless it was told before. */
    private static byte[] curve(final byte[] sec1, final byte @Nullable [] toldBefore) throws GeneralSecurityException {
        final byte[] own = Der.find(sec1, Der.CONTEXT_0);
        final byte[] curve = null == own ? toldBefore : own;
        if (null == curve) {
            throw new GeneralSecurityException("has an elliptic key that does not name its curve");
        }
        return curve;
    }

    /** RFC 5208, 5: PrivateKeyInfo around a key of an older form. */
    private static byte[] wrapped(final byte[] algorithm, final byte[] parameters, final byte[] key) {
        return Der.element(
                Der.SEQUENCE,
                INTEGER_0,
                Der.element(Der.SEQUENCE, algorithm, parameters),
                Der.element(Der.OCTET_STRING, key));
    }

    private static PrivateKey pkcs8(final byte[] der) throws GeneralSecurityException {
        GeneralSecurityException last = new GeneralSecurityException("no algorithm");
        for (final String algorithm : new String[] {"RSASSA-PSS", "EdDSA", "EC", "RSA"}) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
            } catch (final GeneralSecurityException failure) {
                last = failure; // the next algorithm may fit
            }
        }
        throw new GeneralSecurityException(
                "has a private key that is none of RSA, of an elliptic curve or EdDSA: " + last.getMessage(), last);
    }
}
