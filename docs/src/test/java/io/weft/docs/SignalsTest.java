/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is installed, when somebody sends it signals. */
class SignalsTest {
    private static final long TIMEOUT_MS = TimeUnit.MINUTES.toMillis(2);
    private static final Path ROOT = Path.of(System.getProperty("weft.root", ".."));

    @TempDir
    private Path directory = Path.of(".");

    /** Of signals that wait for a process the kernel delivers the lower number first: that one would have ended it. */
    @Test
    @RequiresRoot
    void shouldEndByTermAndNotByWhatSupervisorsSendToHaveLogsOpenedAnew() {
        try (Topology topology = Topology.twoNodes()) {
            final Topology.Node node = topology.node(0);
            try (BackgroundProcess weftd = node.namespace()
                    .start(
                            ROOT.toAbsolutePath()
                                    .normalize()
                                    .resolve("bin/weftd")
                                    .toString(),
                            "--run-dir=" + directory.resolve("run"),
                            "--state-dir=" + directory.resolve("state"),
                            "--subnet-file=" + directory.resolve("subnet.env"),
                            "--etcd-endpoints=http://127.0.0.1:1",
                            "--iface=" + node.underlayDevice())) {
                weftd.awaitOutput("cannot be reached", TIMEOUT_MS);
                for (final String signal : List.of("USR1", "USR2", "TERM")) {
                    Command.run(List.of(
                            "kill", "-" + signal, String.valueOf(weftd.process().pid())));
                }
                assertEquals(0, weftd.awaitExit(TIMEOUT_MS), weftd::output);
            }
        }
    }
}
