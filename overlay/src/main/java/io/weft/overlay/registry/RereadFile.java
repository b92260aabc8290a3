/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A file that is read again and again, to see whether it has changed: into memory that is kept, so that a long one leaves nothing to be
 * collected. Owned by one thread at a time.
 */
final class RereadFile {
    private static final int LENGTH_LEAST = 0x2000;

    private final Path file;
    private final int lengthMax;
    private byte[] text = new byte[0];
    private byte[] spare = new byte[0];
    private int length;

    /** @param lengthMax in bytes. */
    RereadFile(final Path file, final int lengthMax) {
        this.file = file;
        this.lengthMax = lengthMax;
    }

    /**
     * Reads the file.
     *
     * @return whether it is other than it was when it was read before.
     * @throws IOException as {@link BoundedFile#read}; then the text is what it was.
     */
    boolean read() throws IOException {
        int read = 0;
        try (InputStream in = BoundedFile.open(file)) {
            int more = 0;
            while (more >= 0) {
                read += more;
                if (read == spare.length && read < lengthMax) {
                    spare = Arrays.copyOf(spare, Math.min(lengthMax, Math.max(LENGTH_LEAST, 2 * read)));
                }
                more = read == lengthMax ? -1 : in.read(spare, read, spare.length - read);
            }
            if (read == lengthMax) {
                BoundedFile.requireEnd(in, lengthMax);
            }
        }
        if (Arrays.equals(spare, 0, read, text, 0, length)) {
            return false;
        }
        final byte[] before = text;
        text = spare;
        spare = before;
        length = read;
        return true;
    }

    /** What was read, up to {@link #length}; as it is until the next read. */
    byte[] text() {
        return text;
    }

    /** Bytes of the text. */
    int length() {
        return length;
    }
}
