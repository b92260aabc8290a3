/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** The flanneld that a node goes on in the place of: its device outlives it, so nothing but the process tells that it runs. */
public final class RunningFlanneld {
    private static final String NAME = "flanneld";
    /**
     * Of each network namespace there is one such file, with an inode of its own (fs/proc/proc_net.c): unlike the link ns/net, it
     * may be looked at without the right to trace the process.
     */
    private static final String OF_NETWORK = "net/dev";

    private static final String INODE = "unix:ino";
    private static final Path OWN = Path.of("/proc/thread-self");

    private RunningFlanneld() {}

    /**
     * Throws a {@link StartupException} that names a flanneld of the calling thread's network namespace. One in a PID namespace
     * of its own cannot be seen.
     */
    public static void requireNone() {
        find().ifPresent(process -> {
            throw new StartupException(NAME + " still runs, process " + process.pid()
                    + ": stop it first (systemctl stop flanneld), and nothing else; its device stays, and pods stay"
                    + " connected until weftd takes over");
        });
    }

    /** One of the calling thread's network namespace; of several any. */
    static Optional<ProcessHandle> find() {
        return ProcessHandle.allProcesses().filter(RunningFlanneld::isOne).findFirst();
    }

    private static boolean isOne(final ProcessHandle process) {
        final Path proc = Path.of("/proc", String.valueOf(process.pid()));
        try {
            return NAME.equals(Files.readString(proc.resolve("comm")).strip())
                    && Files.getAttribute(proc.resolve(OF_NETWORK), INODE)
                            .equals(Files.getAttribute(OWN.resolve(OF_NETWORK), INODE));
        } catch (final IOException endedOrNotToBeSeen) {
            return false;
        }
    }
}
