/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.host.DeviceLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** packaging/debian/postrm, with directories and routes of its own in the place of the machine's. */
@RequiresRoot
class PurgeTest {
    private static final Path POSTRM = Path.of(System.getProperty("weft.root", ".."))
            .toAbsolutePath()
            .normalize()
            .resolve("packaging/debian/postrm");

    private static final String DEVICE = "weft.1";
    private static final String GUARD = "blackhole 10.244.0.0/16";

    private final NetworkNamespace host = NetworkNamespace.create("host");
    /** A tmpfs as /run is. */
    private Path place = Path.of(".");

    @BeforeEach
    void setUp() throws IOException {
        place = Files.createTempDirectory(Path.of("/dev/shm"), "weft-purge");
        Files.createDirectories(place.resolve("run/weft"));
        Files.writeString(place.resolve("run/weft/" + DEVICE + ".lock"), "1\n");
        Files.createDirectories(place.resolve("lib/weft"));
        host.ip("route", "add", "blackhole", "10.244.0.0/16", "proto", "87", "metric", "2000001");
    }

    @AfterEach
    void tearDown() {
        host.exec("rm", "-r", place.toString());
        host.close();
    }

    /** Returns what it says. */
    private String postrm(final String action) {
        return host.exec(
                "unshare",
                "--mount",
                "sh",
                "-ec",
                "mount --bind $0/run /run; mount --bind $0/lib /var/lib; exec sh $1 $2 2>&1",
                place.toString(),
                POSTRM.toString(),
                action);
    }

    @Test
    void shouldLeaveWhatADaemonThatRunsHolds() throws IOException {
        final Path runDirectory = place.resolve("run/weft");
        try (DeviceLock held = DeviceLock.take(runDirectory, DEVICE)) {
            final String told =
                    "another weftd runs (process " + ProcessHandle.current().pid() + " by /run/weft/weft.1.lock)";
            final String removed = postrm("remove");
            assertTrue(removed.contains(told), removed);
            assertTrue(host.ip("route").contains(GUARD), removed);
            final String purged = postrm("purge");
            assertTrue(purged.contains(told), purged);
            assertTrue(Files.exists(runDirectory.resolve(DEVICE + ".lock")), held::toString);
            assertTrue(Files.exists(place.resolve("lib/weft")), purged);
        }
    }

    @Test
    void shouldTakeAwayWhatDaemonsLeftThatAreGone() {
        assertEquals("", postrm("remove"));
        assertFalse(host.ip("route").contains(GUARD));
        assertEquals("", postrm("purge"));
        assertFalse(Files.exists(place.resolve("run/weft")));
        assertFalse(Files.exists(place.resolve("lib/weft")));
    }
}
