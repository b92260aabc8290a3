/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.PathCheck;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AnswersTest {
    private static PeerRecord peer(final String address, final long packets, final long goneMs, final PathState state) {
        return new PeerRecord(
                IpAddress.parse(address), packets, 0, 0, 0, 0, goneMs, 0, null, new PathCheck(state, 1, 0));
    }

    /** Of many peers those that matter, and how many others there are; who is gone is none. */
    @Test
    void shouldSayHowManyPeersItLeavesOut(@TempDir final Path directory) throws IOException {
        Files.createFile(directory.resolve("weft.1.tables"));
        final List<PeerRecord> peers = new ArrayList<>();
        peers.add(peer("10.0.0.1", 5, 0, PathState.OK));
        peers.add(peer("10.0.0.2", 7, 0, PathState.OK));
        peers.add(peer("10.0.0.3", 0, 0, PathState.OVERLAY));
        peers.add(peer("10.0.0.4", 9, 1, PathState.OVERLAY));
        final DeviceRecord device = new DeviceRecord("weft.1", directory, directory.resolve("weft.1.counters"));
        final CountersRecord counters = new CountersRecord(0, 0, 0, List.of(), peers);
        final String two = JsonOutput.of(Answers.firstPeers(device, counters, 2));
        assertTrue(two.matches("\\{\"device\":\"weft.1\",\"peers\":\\[.*],\"otherPeers\":1}"), two);
        assertTrue(two.contains("10.0.0.2") && two.contains("10.0.0.3"), two);
        assertEquals(2, two.split("\"peer\":", -1).length - 1, two);
        final String all = JsonOutput.of(Answers.firstPeers(device, counters, 3));
        assertTrue(all.endsWith(",\"otherPeers\":0}"), all);
    }

    /** By this moment, and not by that in which it was stopped. */
    @Test
    void shouldSayHowOldACheckIsOfADaemonThatStandsStill(@TempDir final Path directory) throws IOException {
        final long stoppedMs = 1_000_000;
        final Path status = Files.writeString(
                directory.resolve("weft.1.status"),
                "{\"pid\":1,\"startTicks\":1,\"pidNamespace\":1,\"networkNamespace\":1,\"ended\":false,"
                        + "\"devices\":[{\"name\":\"weft.1\",\"counters\":\"none\"}]}");
        Files.setLastModifiedTime(status, FileTime.fromMillis(stoppedMs));
        final PathCheck check = new PathCheck(PathState.OK, stoppedMs - 30_000, 0);
        final PeerRecord peer = new PeerRecord(IpAddress.parse("10.0.0.1"), 1, 0, 0, 0, 0, 0, 0, null, check);
        final DaemonRecord daemon =
                DaemonRecord.readAll(directory, stoppedMs + 90_000).get(0);
        final CountersRecord counters = new CountersRecord(0, stoppedMs, 0, List.of(), List.of(peer));
        assertEquals(
                "1 node, all answer, checked 2 min ago",
                new PeersFinding(daemon, Map.of(daemon.devices().get(0), counters))
                        .finding()
                        .text());
    }
}
