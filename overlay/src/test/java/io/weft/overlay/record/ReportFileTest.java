/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is made of archives that somebody else has written. */
class ReportFileTest {
    private static final long HANGS_S = 60;

    @TempDir
    private Path directory = Path.of(".");

    private Path archive(final String daemon, final String liveness, final String device) throws IOException {
        final Path archive = directory.resolve("archive.zip");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(archive))) {
            put(
                    zip,
                    "report.json",
                    "{\"writtenMs\":1,\"daemons\":{\"" + daemon + "\":{\"liveness\":\"" + liveness
                            + "\",\"ageMs\":1}}}");
            put(zip, "weft.1.status", status(device));
        }
        return archive;
    }

    private static String status(final String device) {
        return "{\"networkNamespace\":" + ProcessIdentity.namespace("net") + ",\"devices\":[{\"name\":\"" + device
                + "\",\"counters\":\"weft.1.counters\"}]}";
    }

    private static void put(final ZipOutputStream zip, final String name, final String content) throws IOException {
        zip.putNextEntry(new ZipEntry(name));
        zip.write(content.getBytes(UTF_8));
        zip.closeEntry();
    }

    private List<DaemonRecord> read(final Path archive) throws IOException {
        return ReportFile.read(archive, Files.createDirectory(directory.resolve("taken")))
                .daemons();
    }

    /** Its files are looked for where the archive was taken out, and nowhere else. */
    @ParameterizedTest
    @CsvSource({
        "weft.1, LIVE, ../run/weft.1, 'devices[0].name is \"../run/weft.1\", which is no device''s name'",
        "weft.1, LIVE, /run/weft/weft.1, 'devices[0].name is \"/run/weft/weft.1\", which is no device''s name'",
        "weft.1, LIVE, .., 'devices[0].name is \"..\", which is no device''s name'",
        "../run/weft.1, LIVE, weft.1, 'daemons.../run/weft.1 is of a daemon whose name cannot be one'",
        "weft.1, ASLEEP, weft.1, 'daemons.weft.1.liveness is \"ASLEEP\", which this version of weft does not know'"
    })
    void shouldRefuseWhatLeadsElsewhereOrIsNotKnown(
            final String daemon, final String liveness, final String device, final String words) throws IOException {
        final Path run = Files.createDirectory(directory.resolve("run"));
        Files.writeString(run.resolve("weft.1.status"), status("weft.1"));
        final Path archive = archive(daemon, liveness, device);
        final IllegalStateException refused = assertThrows(IllegalStateException.class, () -> read(archive));
        assertTrue(String.valueOf(refused.getMessage()).contains(words), refused::getMessage);
    }

    /** The first network namespace of each host has the same number as a rule. */
    @Test
    void shouldTakeNoDaemonOfAnArchiveForOneOfThisHost() throws IOException {
        final List<DaemonRecord> daemons = read(archive("weft.1", "LIVE", "weft.1"));
        assertEquals(1, daemons.size());
        assertFalse(daemons.get(0).isHere());
    }

    @Test
    @Timeout(value = HANGS_S, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void shouldNotWaitForSomebodyWhoWritesIntoAPipe() {
        final Path fifo = directory.resolve("fifo");
        Command.run(List.of("mkfifo", fifo.toString()));
        final IllegalStateException refused = assertThrows(IllegalStateException.class, () -> read(fifo));
        assertTrue(
                String.valueOf(refused.getMessage()).startsWith(fifo + " is no ordinary file: "), refused::getMessage);
    }

    /** As where weftd was told a place for them that is none. */
    @Test
    void shouldNameARecordWhosePathsAreNone() throws IOException {
        for (final String device : List.of("../weft.1", "weft.1")) {
            final String status =
                    "{\"pid\":1,\"startTicks\":1,\"pidNamespace\":1,\"networkNamespace\":1,\"ended\":false,"
                            + "\"devices\":[{\"name\":\"" + device + "\",\"counters\":\"\\u0000\"}]}";
            Files.writeString(directory.resolve("weft.1.status"), status);
            final StringBuilder damaged = new StringBuilder();
            assertEquals(
                    List.of(), DaemonRecord.readAll(directory, 1, each -> damaged.append(each.words())), "nobody's");
            assertTrue(damaged.toString().contains(" is no "), damaged::toString);
        }
    }
}
