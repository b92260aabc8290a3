/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * One of Linux's settings under /proc/sys, of a single digit. Compared once a second, so it is read into as much as it needs:
 * {@link Files#readString} would allocate eight kilobytes for it.
 *
 * @param file of the setting.
 * @param value that it should have.
 */
record KernelSetting(Path file, String value) {
    /** Whether it has another value than it should; false if this kernel has no such setting. */
    boolean isOtherwise() throws IOException {
        try (InputStream in = new FileInputStream(file.toFile())) {
            return value.charAt(0) != in.read();
        } catch (final FileNotFoundException absent) {
            return false;
        }
    }
}
