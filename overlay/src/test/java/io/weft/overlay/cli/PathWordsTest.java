/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.overlay.ping.HostWay;
import io.weft.overlay.ping.PathResults;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.ProcessIdentity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is said of this host's own routes; of all else {@code PathFaultsTest} and {@code PeerCausesTest} tell. */
class PathWordsTest {
    @TempDir
    private Path directory = Path.of(".");

    /** By a daemon that lives. */
    private String words(final HostWay way) throws IOException {
        final ProcessIdentity own = ProcessIdentity.own();
        Files.writeString(
                directory.resolve("weft.1.status"),
                "{\"pid\":" + own.pid() + ",\"startTicks\":" + own.startTicks() + ",\"pidNamespace\":"
                        + own.pidNamespace() + ",\"networkNamespace\":1,\"ended\":false,\"devices\":[]}");
        final DaemonRecord daemon =
                DaemonRecord.readAll(directory, System.currentTimeMillis()).get(0);
        return new PathWords(daemon).of(PathEvidence.asked(PathResults.silent(way), 0, null, null));
    }

    @Test
    void shouldNameTheDeviceThatARouteInFrontOfTheTunnelsLeadsTo() throws IOException {
        assertEquals(
                "this host's routes lead packets for 10.244.1.0 to cni0 and not to weft.1: ip route get 10.244.1.0 says where,"
                        + " and has to say dev weft.1; take away the address or the route of this host that leads there",
                words(new HostWay(HostWay.Kind.ELSEWHERE, "cni0")));
    }

    /** The default route is none to take away. */
    @Test
    void shouldAskForTheTunnelsRouteWhereItIsMissing() throws IOException {
        assertEquals(
                "the tunnel's route is missing, and this host's next best leads packets for 10.244.1.0 to eth0: weft status"
                        + " says what keeps it away; ip route get 10.244.1.0 has to say dev weft.1",
                words(new HostWay(HostWay.Kind.ROUTELESS, "eth0")));
    }
}
