/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The flanneld that a node goes on in the place of: its device outlives it, so nothing but the process tells that it runs. */
public final class RunningFlanneld {
    private static final String NAME = "flanneld";
    private static final Path OWN_NETWORK = Path.of("/proc/thread-self/ns/net");

    private RunningFlanneld() {}

    /**
     * Throws a {@link StartupException} that names a flanneld of the calling thread's network namespace. One in a PID namespace
     * of its own cannot be seen.
     */
    public static void requireNone() {
        ProcessHandle.allProcesses().filter(RunningFlanneld::isOne).findFirst().ifPresent(process -> {
            throw new StartupException(NAME + " still runs, process " + process.pid()
                    + ": stop it first (systemctl stop flanneld), and nothing else; its device stays, and pods stay"
                    + " connected until weftd takes over");
        });
    }

    private static boolean isOne(final ProcessHandle process) {
        final Path proc = Path.of("/proc", String.valueOf(process.pid()));
        try {
            return NAME.equals(Files.readString(proc.resolve("comm")).strip())
                    && Files.readSymbolicLink(proc.resolve("ns/net")).equals(Files.readSymbolicLink(OWN_NETWORK));
        } catch (final IOException endedOrNotToBeSeen) {
            return false;
        }
    }
}
