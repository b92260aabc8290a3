/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;

/**
 * A number that Linux has under /proc/sys. It comes by the first read alone (kernel/sysctl.c, {@code do_proc_dointvec}: a file that has been
 * read from is at its end), and {@link java.nio.file.Files#readString} begins with a single byte there, the first digit, since such files
 * have no length.
 */
public final class KernelNumber {
    private static final int LENGTH_MAX = 64;

    private KernelNumber() {}

    /**
     * Reads the number.
     *
     * @throws NumberFormatException if it is none, or not one alone.
     */
    public static int read(final Path file) throws IOException {
        final byte[] text = new byte[LENGTH_MAX];
        try (InputStream in = new FileInputStream(file.toFile())) {
            final int length = in.read(text);
            return Integer.parseInt(new String(text, 0, Math.max(0, length), US_ASCII).strip());
        }
    }
}
