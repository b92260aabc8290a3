/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecordFileTest {
    @TempDir
    private Path directory = Path.of(".");

    /** A supervisor starts anew every few seconds what has no room: each time nothing may be left. */
    @Test
    void shouldLeaveWhatWasThereAndNothingElseWhenThereIsNoRoom() throws IOException {
        final Path file = directory.resolve("record");
        RecordFile.replace(file, out -> out.write("before"));
        assertThrows(
                IOException.class,
                () -> RecordFile.replace(file, out -> {
                    out.write("aft");
                    throw new IOException("No space left on device");
                }));
        assertEquals("before", Files.readString(file));
        try (Stream<Path> files = Files.list(directory)) {
            assertEquals(List.of(file), files.toList());
        }
    }
}
