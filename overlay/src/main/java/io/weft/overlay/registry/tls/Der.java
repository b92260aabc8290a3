/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.tls;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import org.jspecify.annotations.Nullable;

/** The little of X.690's DER that turns a private key of an older form into PKCS#8. */
final class Der {
    static final byte OCTET_STRING = 0x04;
    static final byte SEQUENCE = 0x30;
    /** The first element of a sequence that may be left out. */
    static final byte CONTEXT_0 = (byte) 0xa0;

    private static final int LONG_FORM = 0x80;

    private Der() {}

    /** Tag, length and the parts as value. */
    static byte[] element(final byte tag, final byte[]... parts) {
        final ByteArrayOutputStream value = new ByteArrayOutputStream();
        for (final byte[] part : parts) {
            value.write(part, 0, part.length);
        }
        final ByteArrayOutputStream element = new ByteArrayOutputStream();
        element.write(tag);
        final int length = value.size();
        if (length < LONG_FORM) {
            element.write(length);
        } else {
            final int lengthBytes = length < 1 << 8 ? 1 : length < 1 << 16 ? 2 : 3;
            element.write(LONG_FORM | lengthBytes);
            for (int i = lengthBytes - 1; i >= 0; i--) {
                element.write(length >>> (8 * i));
            }
        }
        element.writeBytes(value.toByteArray());
        return element.toByteArray();
    }

    /**
     * The value of the first element with this tag inside a sequence.
     *
     * @return null when there is none.
     * @throws GeneralSecurityException when the bytes are no sequence.
     */
    static byte @Nullable [] find(final byte[] sequence, final byte tag) throws GeneralSecurityException {
        final ByteBuffer whole = ByteBuffer.wrap(sequence);
        if (!whole.hasRemaining() || SEQUENCE != whole.get()) {
            throw new GeneralSecurityException("the key is no sequence");
        }
        final ByteBuffer elements = ByteBuffer.wrap(value(whole));
        while (elements.hasRemaining()) {
            final byte found = elements.get();
            final byte[] value = value(elements);
            if (found == tag) {
                return value;
            }
        }
        return null;
    }

    private static byte[] value(final ByteBuffer at) throws GeneralSecurityException {
        int length = at.hasRemaining() ? at.get() & 0xff : LONG_FORM;
        if (length >= LONG_FORM) {
            final int lengthBytes = length & ~LONG_FORM;
            length = 0;
            if (lengthBytes < 1 || lengthBytes > 3 || lengthBytes > at.remaining()) {
                throw new GeneralSecurityException("the key has a wrong length");
            }
            for (int i = 0; i < lengthBytes; i++) {
                length = (length << 8) | (at.get() & 0xff);
            }
        }
        if (length > at.remaining()) {
            throw new GeneralSecurityException("the key is cut off");
        }
        final byte[] value = new byte[length];
        at.get(value);
        return value;
    }
}
