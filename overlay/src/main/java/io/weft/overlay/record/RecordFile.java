/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import io.weft.overlay.host.OwnDirectory;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** A file of its owner's alone that is replaced whole, so that a reader never sees half of it. */
final class RecordFile {
    /** What fills it. */
    interface Content {
        void write(Writer out) throws IOException;
    }

    private RecordFile() {}

    static void replace(final Path file, final Content content) throws IOException {
        final Path fresh = file.resolveSibling('.' + String.valueOf(file.getFileName()) + ".new");
        Files.deleteIfExists(fresh);
        try {
            Files.createFile(fresh, OwnDirectory.OWN_FILE);
            try (BufferedWriter out = Files.newBufferedWriter(fresh)) {
                content.write(out);
            }
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(fresh);
        }
    }
}
