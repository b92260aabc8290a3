/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * What is still running of an ADD whose process was killed. A runtime that gives up kills this plugin, but not the
 * delegate that it has started: that goes on, and would take an address after the DEL that follows at once has returned
 * it. So DEL waits for those processes.
 *
 * <p>They are found by a variable that the launcher sets and all that it starts inherit. The CNI_ variables do not tell them:
 * a plugin that calls this one, as multus does, has the same in its own environment.
 */
final class UnfinishedAdd {
    /** Set by launcher.sh and bin/weft-cni: CNI_COMMAND, CNI_CONTAINERID and CNI_IFNAME. */
    static final String OPERATION = "WEFT_CNI_OPERATION";

    /** Many times what an ADD takes; a delegate that needs longer hangs. */
    private static final long TIMEOUT_MS = 5_000;

    /** For the kernel to take down what has been killed, which it does at once unless a device or disk hangs. */
    private static final long KILL_TIMEOUT_MS = 5_000;

    private static final Path PROC = Path.of("/proc");

    private UnfinishedAdd() {}

    /** The value of {@link #OPERATION}. */
    static String operation(final Command command, final String containerId, final String ifname) {
        return command + " " + containerId + " " + ifname;
    }

    /**
     * Returns when no process of the attachment's ADD runs any more; one that has not ended after 5 s is killed. Those that
     * wait for this process are left out.
     *
     * @param attachment whose ADD was begun and not finished.
     * @param deadline of the operation that waits.
     * @throws CniException code 101 if one cannot be killed, 5 if /proc cannot be read.
     */
    static void awaitEnd(final Attachment attachment, final Deadline deadline) throws CniException {
        final String mark =
                "\0" + OPERATION + "=" + operation(Command.ADD, attachment.containerId(), attachment.ifname()) + "\0";
        final Set<Long> ancestors = ancestors();
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
            for (final Path each : processes) {
                final long pid = Long.parseLong(String.valueOf(each.getFileName()));
                // Before its environment is read, so that none that gets its number later is meant.
                final ProcessHandle process = ProcessHandle.of(pid).orElse(null);
                if (null != process
                        && !ancestors.contains(pid)
                        && environment(each).contains(mark)) {
                    awaitEnd(process, deadline);
                }
            }
        } catch (final IOException e) {
            throw CniException.ofFile("cannot read", PROC, e);
        }
    }

    private static Set<Long> ancestors() {
        final Set<Long> ancestors = new HashSet<>();
        Optional<ProcessHandle> each = ProcessHandle.current().parent();
        while (each.isPresent()) {
            ancestors.add(each.get().pid());
            each = each.get().parent();
        }
        return ancestors;
    }

    private static String environment(final Path process) {
        try {
            return "\0"
                    + new String(Files.readAllBytes(process.resolve("environ")), StandardCharsets.ISO_8859_1)
                    + "\0";
        } catch (final IOException e) {
            // ENOENT, ESRCH: it has ended. EACCES: not root's, so none of the runtime's.
            return "";
        }
    }

    private static void awaitEnd(final ProcessHandle process, final Deadline deadline) throws CniException {
        final long timeoutMs = Math.min(TIMEOUT_MS, deadline.remainingMs());
        if (hasEnded(process, timeoutMs)) {
            return;
        }
        System.err.println("weft-cni: process " + process.pid() + " of an earlier ADD has not ended after " + timeoutMs
                + " ms and is killed");
        process.destroyForcibly();
        if (!hasEnded(process, KILL_TIMEOUT_MS)) {
            throw new CniException(
                    CniException.TIMED_OUT,
                    "process " + process.pid() + " of an earlier ADD cannot be killed",
                    "it hangs in the kernel: see /proc/" + process.pid() + "/stack");
        }
    }

    private static boolean hasEnded(final ProcessHandle process, final long timeoutMs) {
        try {
            process.onExit().get(timeoutMs, TimeUnit.MILLISECONDS);
            return true;
        } catch (final TimeoutException e) {
            return false;
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } catch (final ExecutionException e) {
            throw new IllegalStateException("wait for process " + process.pid(), e);
        }
    }
}
