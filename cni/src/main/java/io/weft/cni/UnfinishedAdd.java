/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * What is still running of an ADD whose process was killed. A runtime that gives up kills this plugin, but not the
 * delegate that it has started: that goes on, and would take an address after the DEL that follows at once has returned
 * it. So DEL waits for those processes. They are found by the CNI_ variables in their environment.
 */
final class UnfinishedAdd {
    /** Many times what an ADD takes; a delegate that needs longer hangs. */
    private static final long TIMEOUT_MS = 5_000;

    /** For the kernel to take down what has been killed, which it does at once unless a device or disk hangs. */
    private static final long KILL_TIMEOUT_MS = 5_000;

    private static final Path PROC = Path.of("/proc");

    private UnfinishedAdd() {}

    /**
     * Returns when no process of the attachment's ADD runs any more; one that has not ended after 5 s is killed.
     *
     * @param attachment whose ADD was begun and not finished.
     * @param deadline of the operation that waits.
     * @throws CniException code 101 if one cannot be killed.
     * @throws IOException if /proc cannot be read.
     */
    static void awaitEnd(final Attachment attachment, final Deadline deadline) throws CniException, IOException {
        final String[] variables = {
            "\0" + Invocation.COMMAND + "=" + Command.ADD + "\0",
            "\0" + Invocation.CONTAINER_ID + "=" + attachment.containerId() + "\0",
            "\0" + Invocation.IFNAME + "=" + attachment.ifname() + "\0",
        };
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
            for (final Path process : processes) {
                if (hasAll(process, variables)) {
                    awaitEnd(Long.parseLong(String.valueOf(process.getFileName())), deadline);
                }
            }
        }
    }

    private static boolean hasAll(final Path process, final String[] variables) {
        final String environment;
        try {
            environment = "\0"
                    + new String(Files.readAllBytes(process.resolve("environ")), StandardCharsets.ISO_8859_1)
                    + "\0";
        } catch (final IOException e) {
            // ENOENT, ESRCH: it has ended. EACCES: not root's, so none of the runtime's.
            return false;
        }
        for (final String variable : variables) {
            if (!environment.contains(variable)) {
                return false;
            }
        }
        return true;
    }

    private static void awaitEnd(final long pid, final Deadline deadline) throws CniException {
        final ProcessHandle process = ProcessHandle.of(pid).orElse(null);
        if (null == process) {
            return;
        }
        final long timeoutMs = Math.min(TIMEOUT_MS, deadline.remainingMs());
        if (hasEnded(process, timeoutMs)) {
            return;
        }
        System.err.println("weft-cni: process " + pid + " of an earlier ADD has not ended after " + timeoutMs
                + " ms and is killed");
        process.destroyForcibly();
        if (!hasEnded(process, KILL_TIMEOUT_MS)) {
            throw new CniException(
                    CniException.TIMED_OUT,
                    "process " + pid + " of an earlier ADD cannot be killed",
                    "it hangs in the kernel: see /proc/" + pid + "/stack");
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
