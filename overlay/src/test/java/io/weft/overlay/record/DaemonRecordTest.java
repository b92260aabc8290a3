/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DaemonRecordTest {
    private static final long NOW_MS = 1_000_000_000_000L;

    @TempDir
    private Path directory = Path.of(".");

    private void write(final ProcessIdentity process, final boolean hasEnded, final long ageMs) throws IOException {
        final Path file = directory.resolve("weft.1.status");
        Files.writeString(
                file,
                "{\"pid\":" + process.pid() + ",\"startTicks\":" + process.startTicks() + ",\"pidNamespace\":"
                        + process.pidNamespace() + ",\"networkNamespace\":1,\"startedMs\":1000,\"ended\":" + hasEnded
                        + ",\"devices\":[]}");
        Files.setLastModifiedTime(file, FileTime.fromMillis(NOW_MS - ageMs));
    }

    /** The process is this one, or one that had its number before. A sign of life may be one of before the clock was set back. */
    @ParameterizedTest
    @CsvSource({
        "true, false, 0, LIVE",
        "true, false, 60000, HUNG",
        "true, false, -1000, LIVE",
        "true, false, -60000, HUNG",
        "false, false, 0, DEAD",
        "false, false, 60000, DEAD",
        "false, true, 60000, ENDED",
        "true, true, 60000, LIVE"
    })
    void shouldTellWhetherTheProcessWorks(
            final boolean isThere, final boolean hasEnded, final long ageMs, final Liveness liveness)
            throws IOException {
        final ProcessIdentity own = ProcessIdentity.own();
        final ProcessIdentity former = new ProcessIdentity(own.pid(), own.startTicks() - 1, own.pidNamespace());
        write(isThere ? own : former, hasEnded, ageMs);
        final List<DaemonRecord> found = DaemonRecord.readAll(directory, NOW_MS);
        assertEquals(
                List.of(liveness), found.stream().map(DaemonRecord::liveness).toList());
        assertEquals(Math.abs(ageMs), found.get(0).ageMs());
    }

    /** Beside a daemon that lives, and was started at 1000; 0 is the network namespace of who asks. */
    @ParameterizedTest
    @CsvSource({
        "1, true, weft.1, 2000, REFUSED",
        "0, true, weft.1, 2000, FAILED",
        "1, false, weft.1, 2000, FAILED",
        "1, true, weft.1, 500, FAILED",
        "1, true, weft.7, 2000, FAILED"
    })
    void shouldCallAStartRefusedThatAskedForTheDeviceOfADaemonElsewhere(
            final long elsewhere,
            final boolean isPlaceAsked,
            final String device,
            final long failedMs,
            final Liveness liveness)
            throws IOException {
        write(ProcessIdentity.own(), false, 0);
        Files.writeString(
                directory.resolve("weftd-1-1.status"),
                "{\"pid\":1,\"startTicks\":1,\"pidNamespace\":1,\"networkNamespace\":"
                        + (elsewhere + ProcessIdentity.namespace("net")) + ",\"ended\":true,\"failedMs\":" + failedMs
                        + ",\"placeAsked\":" + isPlaceAsked + ",\"device\":\"" + device
                        + "\",\"failure\":\"\",\"devices\":[]}");
        assertEquals(
                List.of(Liveness.LIVE, liveness),
                DaemonRecord.readAll(directory, NOW_MS).stream()
                        .map(DaemonRecord::liveness)
                        .toList());
    }

    /** Whose number here may be another's: what it does is seen by its signs of life alone. */
    @Test
    void shouldFindNoProcessOfAPidNamespaceThatItCannotSee() throws IOException {
        final ProcessIdentity own = ProcessIdentity.own();
        write(new ProcessIdentity(own.pid(), own.startTicks(), 1), false, 0);
        assertEquals(
                Liveness.LIVE, DaemonRecord.readAll(directory, NOW_MS).get(0).liveness());
        write(new ProcessIdentity(own.pid(), own.startTicks(), 1), false, 60_000);
        assertEquals(
                Liveness.DEAD, DaemonRecord.readAll(directory, NOW_MS).get(0).liveness());
    }

    /** Listed, and not there: as one that is deleted in between. */
    @Test
    void shouldLeaveOutARecordThatGoesWhileAllAreRead() throws IOException {
        write(ProcessIdentity.own(), false, 0);
        Files.createSymbolicLink(directory.resolve("weftd-1-1.status"), directory.resolve("gone"));
        assertEquals(1, DaemonRecord.readAll(directory, NOW_MS).size());
    }

    /** Cut short, or of another version: the others are told of all the same. */
    @ParameterizedTest
    @ValueSource(
            strings = {"{\"pid\":", "{}", "{\"pid\":1,\"startTicks\":1,\"pidNamespace\":1,\"networkNamespace\":1}"})
    void shouldNameARecordThatIsDamagedAndReadTheOthers(final String content) throws IOException {
        write(ProcessIdentity.own(), false, 0);
        Files.writeString(directory.resolve("blue.1.status"), content);
        final List<DamagedRecord> damaged = new ArrayList<>();
        final List<DaemonRecord> found = DaemonRecord.readAll(directory, NOW_MS, damaged::add);
        assertEquals(List.of("weft.1"), found.stream().map(DaemonRecord::name).toList());
        assertEquals(
                List.of("blue.1"), damaged.stream().map(DamagedRecord::name).toList());
        final String words = damaged.get(0).words();
        assertTrue(words.startsWith("read " + directory.resolve("blue.1.status") + ": "), words);
    }
}
