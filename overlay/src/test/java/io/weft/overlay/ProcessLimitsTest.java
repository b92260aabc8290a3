/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Starts that a limit of the process does not allow: it is named, with its value, what is needed and what to do. */
@RequiresRoot
class ProcessLimitsTest {
    /** Nobody's on any machine: the limit of processes is of all of a user's. */
    private static final int USER = 64_923;

    private static final String RIGHTS = "+net_admin,+net_raw,+dac_override";

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);

    @BeforeEach
    void writeLeases() throws IOException {
        WeftdProcess.leases(directory, WeftdProcess.lease(node), WeftdProcess.lease(topology.node(1)));
    }

    @AfterEach
    void close() {
        topology.close();
    }

    @Test
    void shouldNameTheLimitOfOpenFilesBeforeAnythingIsTouched() {
        final Command.Result ended = start("prlimit", "--nofile=64:64");
        assertEquals(1, ended.exitCode(), ended::errors);
        assertTrue(
                ended.errors()
                        .contains("weftd: weftd may open 64 files (RLIMIT_NOFILE) and needs 184 for its worker:"
                                + " allow it more (systemd: LimitNOFILE=184,"),
                ended::errors);
        assertFalse(ended.errors().contains("device weft.1"), ended::errors);
    }

    /** What workers over one underlay family have is less than what they may come to have. */
    @Test
    void shouldStartWithFewerFilesThanItMayComeToNeedAndSaySo() {
        try (BackgroundProcess weftd = node.namespace().start(command("prlimit", "--nofile=150:150"))) {
            weftd.awaitOutput(
                    "WARNING weftd may open 150 files (RLIMIT_NOFILE) and may come to need 184 for its worker: allow it more",
                    WeftdProcess.START_TIMEOUT_MS);
            weftd.awaitOutput("ready: weft.1 forwards", WeftdProcess.START_TIMEOUT_MS);
        }
    }

    /** Between what the JVM has by itself and what weftd has. */
    @Test
    void shouldNameTheLimitOfProcessesWhenAThreadCannotBeStarted() throws IOException {
        Files.setAttribute(directory, "unix:uid", USER);
        final Command.Result ended = start(
                "prlimit",
                "--nproc=18:18",
                "setpriv",
                "--reuid=" + USER,
                "--clear-groups",
                "--inh-caps=" + RIGHTS,
                "--ambient-caps=" + RIGHTS);
        assertEquals(1, ended.exitCode(), ended::errors);
        assertTrue(
                ended.errors()
                        .contains("weftd: weftd could not start one more thread, and needs about 43 for its worker:"
                                + " RLIMIT_NPROC is 18 for all processes of this user"),
                ended::errors);
        assertFalse(ended.errors().contains("\tat "), ended::errors);
    }

    private Command.Result start(final String... limited) {
        return node.namespace().tryExec(command(limited));
    }

    private String[] command(final String... limited) {
        final List<String> command = new ArrayList<>(List.of(limited));
        command.addAll(List.of(WeftdProcess.command(
                directory,
                "--registry=file:" + directory.resolve("leases.json"),
                "--iface=" + node.underlayDevice(),
                "--workers=1")));
        return command.toArray(String[]::new);
    }
}
