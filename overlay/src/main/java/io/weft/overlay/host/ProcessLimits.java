/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What the kernel allows this process at most, and a start can fail by. */
public final class ProcessLimits {
    private static final System.Logger LOG = System.getLogger(ProcessLimits.class.getName());

    private static final Path LIMITS = Path.of("/proc/self/limits");
    private static final Path CGROUP = Path.of("/proc/self/cgroup");
    private static final Path CGROUPS = Path.of("/sys/fs/cgroup");
    private static final String UNLIMITED = "unlimited";

    /** By measurement: 129 with one worker, 24 more for each further one over one underlay family, 30 with threads of its own. */
    private static final int FILES_LEAST = 105;

    private static final int FILES_PER_WORKER_LEAST = 24;

    /** With connections, over both families, and with room. */
    private static final int FILES = 128;

    private static final int FILES_PER_WORKER = 56;

    /** By measurement 28 with one worker, those of the JVM included; two more for each with {@code --threading-mode=DEDICATED}. */
    private static final int THREADS = 40;

    private static final int THREADS_PER_WORKER = 3;

    /** Where more threads are allowed. */
    public static final String MORE_THREADS = "(systemd: LimitNPROC=, TasksMax=, a shell: ulimit -u, ulimit -v, docker"
            + " run: --pids-limit, Kubernetes: podPidsLimit of the kubelet)";

    private ProcessLimits() {}

    /**
     * Throws a {@link StartupException} if this process may not open as many files as weftd has at the least, and warns if it could
     * come to more. The JVM has set the limit as high as it may.
     */
    public static void requireOpenFiles(final int workers) {
        final String limit = limit("Max open files").orElse(UNLIMITED);
        final int needed = FILES + FILES_PER_WORKER * workers;
        if (UNLIMITED.equals(limit) || Long.parseLong(limit) >= needed) {
            return;
        }
        final String remedy = ": allow it more (systemd: LimitNOFILE=" + needed + ", a shell: ulimit -n " + needed
                + ", docker run: --ulimit nofile=" + needed + ", Kubernetes: that of the container runtime's unit)"
                + fewer(workers);
        final String may = "weftd may open " + limit + " files (RLIMIT_NOFILE) and ";
        if (Long.parseLong(limit) < FILES_LEAST + FILES_PER_WORKER_LEAST * workers) {
            throw new StartupException(may + "needs " + needed + " for " + workers(workers) + remedy);
        }
        LOG.log(
                WARNING,
                "{0}{1}",
                may + "may come to need " + needed + " for " + workers(workers) + remedy,
                LogFields.of("limit", limit, "needed", needed));
    }

    /** Whether an error says that no further thread could be started, of which the JVM tells nothing else. */
    public static boolean isOfThreads(final OutOfMemoryError error) {
        return String.valueOf(error.getMessage()).contains("native thread");
    }

    /** Throws on an error that says anything else. */
    public static void requireOfThreads(final OutOfMemoryError error) {
        if (!isOfThreads(error)) {
            throw error;
        }
    }

    /** Why no further thread could be started, as far as it can be seen, and what to do. */
    public static StartupException noThread(final OutOfMemoryError error, final int workers) {
        final int needed = THREADS + THREADS_PER_WORKER * workers;
        final List<String> limits = new ArrayList<>();
        limit("Max processes")
                .filter(limit -> !UNLIMITED.equals(limit))
                .ifPresent(limit -> limits.add("RLIMIT_NPROC is " + limit + " for all processes of this user"));
        limit("Max address space")
                .filter(limit -> !UNLIMITED.equals(limit))
                .ifPresent(limit -> limits.add("RLIMIT_AS is " + limit + " bytes"));
        pidsLimit().ifPresent(limit -> limits.add("pids.max of the control group is " + limit));
        return new StartupException(
                "weftd could not start one more thread, and needs about " + needed + " for " + workers(workers) + ": "
                        + (limits.isEmpty()
                                ? "the machine has no memory or no number left for it"
                                : String.join(", ", limits))
                        + ". Allow it more " + MORE_THREADS + fewer(workers),
                error);
    }

    private static String workers(final int workers) {
        return 1 == workers ? "its worker" : "its " + workers + " workers";
    }

    private static String fewer(final int workers) {
        return 1 == workers ? "" : ", or choose fewer --workers";
    }

    /** As it is in force; empty where it cannot be read, which is no reason to fail. */
    private static Optional<String> limit(final String name) {
        try {
            return Files.readAllLines(LIMITS).stream()
                    .filter(line -> line.startsWith(name + ' '))
                    .map(line -> line.substring(name.length()).strip().split("\\s+", -1)[0])
                    .findFirst();
        } catch (final IOException unread) {
            return Optional.empty();
        }
    }

    /** That of version 2, which has one line, {@code 0::/PATH}. */
    private static Optional<String> pidsLimit() {
        try {
            final String line = Files.readString(CGROUP).strip();
            final String path = line.substring(line.lastIndexOf(':') + 1);
            return Optional.of(
                            Files.readString(CGROUPS.resolve(path.substring(1)).resolve("pids.max"))
                                    .strip())
                    .filter(limit -> !"max".equals(limit));
        } catch (final IOException | RuntimeException unread) {
            return Optional.empty();
        }
    }
}
