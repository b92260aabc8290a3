/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Files that people write: read whole, as long as that ends and fits the heap. */
public final class BoundedFile {
    /** For keys, certificates, tokens and network configurations. */
    public static final int SETTING_LENGTH_MAX = 1 << 20;

    private BoundedFile() {}

    /**
     * Reads a file.
     *
     * @param lengthMax in bytes.
     * @throws IOException when there is none, or it is no file (reading from a pipe could wait for ever), or it is longer; the
     *     message tells which, without the path.
     */
    public static byte[] read(final Path file, final int lengthMax) throws IOException {
        try (InputStream in = open(file)) {
            final byte[] bytes = in.readNBytes(lengthMax);
            if (bytes.length == lengthMax) {
                requireEnd(in, lengthMax);
            }
            return bytes;
        }
    }

    /**
     * Opens a file.
     *
     * @throws IOException when there is none, or it is no file.
     */
    static InputStream open(final Path file) throws IOException {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new IOException("is no regular file");
        }
        try {
            return Files.newInputStream(file);
        } catch (final NoSuchFileException failure) {
            throw new IOException("there is no such file", failure);
        }
    }

    /** Throws where something is left of a file of which as much was read as is allowed. */
    static void requireEnd(final InputStream in, final int lengthMax) throws IOException {
        if (in.read() >= 0) {
            throw new IOException("is longer than " + lengthMax + " bytes");
        }
    }
}
