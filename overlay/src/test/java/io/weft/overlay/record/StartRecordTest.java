/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.overlay.json.JsonOutput;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes of the records of starts that failed before. */
class StartRecordTest {
    private static final StartRecord.Purpose PURPOSE = purpose("weft.1", "subnet.env");
    private static final ProcessIdentity OWN = ProcessIdentity.own();

    @TempDir
    private Path directory = Path.of(".");

    private static StartRecord.Purpose purpose(final String device, final String subnetFile) {
        return new StartRecord.Purpose("weftd", device, "etcd", "/run/flannel/" + subnetFile);
    }

    private StartRecord open() {
        return StartRecord.open(directory, PURPOSE, "1");
    }

    private String ownName() {
        return "weftd-" + OWN.pid() + "-" + OWN.pidNamespace() + ".status";
    }

    /** As a start of this process leaves it, but that it was another process, and another service. */
    private Path leave(final String name, final String service, final long ageMs) throws IOException {
        try (StartRecord record = open()) {
            record.gaveUp("no interface");
        }
        final Path own = directory.resolve(ownName());
        final String content = Files.readString(own)
                .replace("\"startTicks\":" + OWN.startTicks(), "\"startTicks\":" + (OWN.startTicks() - 1))
                .replace("\"service\":\"weftd\"", service);
        Files.delete(own);
        final Path left = Files.writeString(directory.resolve(name), content);
        return Files.setLastModifiedTime(left, FileTime.fromMillis(System.currentTimeMillis() - ageMs));
    }

    private static String service(final String name) {
        return "\"service\":\"" + name + "\"";
    }

    /** The first process of a container has number 1, and its namespace often the number of the one before. */
    @Test
    void shouldGoWithAStartThatSucceedsInAProcessOfTheSameNumber() throws IOException {
        final Path left = leave(ownName(), service("weftd"), 0);
        try (StartRecord record = open()) {
            record.over("weft.1");
        }
        assertFalse(Files.exists(left));
    }

    @Test
    void shouldStayWhereAnotherServiceStarts() throws IOException {
        final Path left = leave("weftd-1-1.status", service("other"), 0);
        try (StartRecord record = open()) {
            record.over("weft.1");
        }
        assertTrue(Files.exists(left));
    }

    @Test
    void shouldNotBecomeMoreAndMoreWhereEachStartIsAnothers() throws IOException {
        final Path newest = leave("weftd-1-0.status", service("service0"), 0);
        for (int i = 1; i < 2 * StartRecord.LEFT_MAX; i++) {
            leave("weftd-1-" + i + ".status", service("service" + i), 60_000L * i);
        }
        try (StartRecord record = open()) {
            record.gaveUp("no interface");
        }
        try (Stream<Path> files = Files.list(directory)) {
            assertEquals(StartRecord.LEFT_MAX, files.count());
        }
        assertTrue(Files.exists(newest));
        assertTrue(Files.exists(directory.resolve(ownName())));
    }

    /** Which need not say all that this one asks for. */
    @Test
    void shouldNotKeepAStartOfAnotherVersionFromBeingRecorded() throws IOException {
        leave("weftd-1-1.status", "\"former\":1", 0);
        try (StartRecord record = open()) {
            record.gaveUp("no interface");
        }
        assertTrue(Files.readString(directory.resolve(ownName())).contains("no interface"));
    }

    private void leaveNode(final long startTicks, final String... devices) throws IOException {
        final Map<String, Object> status;
        try (StartRecord record = open()) {
            status = record.identity();
        }
        status.putAll(Map.of("startTicks", startTicks, "ready", false, "ended", false, "conditions", Map.of()));
        final List<Map<String, Object>> entries = new ArrayList<>();
        for (final String device : devices) {
            entries.add(Map.of(
                    "name",
                    device,
                    "counters",
                    directory.resolve(device + ".counters").toString()));
            for (final String suffix : List.of(".tables", ".counters", ".baseline")) {
                Files.writeString(directory.resolve(device + suffix), "");
            }
        }
        status.put("devices", entries);
        Files.writeString(directory.resolve(devices[0] + ".status"), JsonOutput.of(status));
    }

    private void assertFilesAre(final String... names) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            assertEquals(
                    List.of(names),
                    files.map(file -> String.valueOf(file.getFileName()))
                            .sorted()
                            .toList());
        }
    }

    /** Dual-stack before, and IPv4 alone now: by the same name, after an end or by a handover. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldDeleteWhatIsOnRecordOfASecondDeviceThatIsNoMore(final boolean isTakenOver) throws IOException {
        leaveNode(OWN.startTicks() - 1, "weft.1", "weft-v6.1");
        try (StartRecord record = open()) {
            if (isTakenOver) {
                record.takesPlaceOf(OWN.pid());
            } else {
                record.found("weft.1", "eth0");
            }
            leaveNode(OWN.startTicks(), "weft.1");
            record.over("weft.1");
        }
        assertFilesAre("weft.1.baseline", "weft.1.counters", "weft.1.status", "weft.1.tables");
    }

    /** The VNI has changed: what is on record of the devices of the one before is of no use. */
    @Test
    void shouldDeleteWhatIsOnRecordOfDevicesThatAreNoMore() throws IOException {
        leaveNode(OWN.startTicks() - 1, "weft.7", "weft-v6");
        leaveNode(OWN.startTicks(), "weft.1", "weft-v6");
        try (StartRecord record = open()) {
            record.over("weft.1");
        }
        assertFilesAre(
                "weft-v6.baseline",
                "weft-v6.counters",
                "weft-v6.tables",
                "weft.1.baseline",
                "weft.1.counters",
                "weft.1.status",
                "weft.1.tables");
    }

    /** By {@code --device-name}, which makes another purpose of it; one that describes the node elsewhere is of another overlay. */
    @ParameterizedTest
    @CsvSource({"subnet.env,false", "other.env,true"})
    void shouldDeleteWhatIsOnRecordOfADeviceThatHasAnotherNameNow(final String subnetFile, final boolean isLeft)
            throws IOException {
        leaveNode(OWN.startTicks() - 1, "weft.1");
        leaveNode(OWN.startTicks(), "flannel.1");
        try (StartRecord record = StartRecord.open(directory, purpose("flannel.1", subnetFile), "1")) {
            record.over("flannel.1");
        }
        assertEquals(isLeft, Files.exists(directory.resolve("weft.1.status")));
        assertEquals(isLeft, Files.exists(directory.resolve("weft.1.counters")));
    }

    @Test
    void shouldLeaveNothingWhenNobodyIsToStartItAgain() throws IOException {
        leaveNode(OWN.startTicks() - 1, "weft.1", "weft-v6.1");
        leave("weftd-1-1.status", service("other"), 0);
        leaveNode(OWN.startTicks(), "weft.7"); // which runs
        StartRecord.removeAll(directory);
        assertFilesAre("weft.7.baseline", "weft.7.counters", "weft.7.status", "weft.7.tables");
    }
}
