/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * So much of the CPUs for each process that is started under it, as a container with a limit has: a control group of its own, by the
 * cpu controller of either version of cgroups (Documentation/admin-guide/cgroup-v2.rst, Documentation/scheduler/sched-bwc.rst). Close
 * it after those processes have ended.
 */
public final class CpuLimit implements AutoCloseable {
    /** The kernel's own, and what container runtimes set. */
    private static final long PERIOD_US = 100_000;

    /** No quota is shorter: {@code min_cfs_quota_period} of kernel/sched/core.c. */
    public static final double MIN_CPUS = 0.01;

    private static final Path ROOT = Path.of("/sys/fs/cgroup");
    private static final String V2_FILE = "cpu.max";
    private static final String V1_FILE = "cpu.cfs_quota_us";

    /** Makes a group whose name ends in its own PID, goes into it, and becomes what the other words say. */
    private static final String ENTER =
            "group=$0-$$ && mkdir \"$group\" && echo \"$2\" >\"$group/$1\" && echo $$ >\"$group/cgroup.procs\" && shift 2 && exec \"$@\"";

    private final Path parent;
    private final String name;
    private final double cpus;

    /**
     * A limit that nothing is under yet.
     *
     * @param name that no other limit has meanwhile.
     * @param cpus for each process, from {@link #MIN_CPUS} on.
     * @throws IOException if this machine's cgroups have no controller for it.
     */
    public CpuLimit(final String name, final double cpus) throws IOException {
        this.name = name;
        this.cpus = cpus;
        parent = parent();
    }

    private static Path parent() throws IOException {
        for (final String controller : List.of("cpu", "cpu,cpuacct")) {
            if (Files.exists(ROOT.resolve(controller))) {
                return ROOT.resolve(controller);
            }
        }
        final Path controllers = ROOT.resolve("cgroup.controllers");
        if (!Files.exists(controllers)
                || !List.of(Files.readString(controllers).strip().split(" ", -1))
                        .contains("cpu")) {
            throw new IOException(
                    ROOT + ": no cpu controller for a limit of CPU; mount cgroups, or do without the limit");
        }
        final Path given = ROOT.resolve("cgroup.subtree_control");
        if (!List.of(Files.readString(given).strip().split(" ", -1)).contains("cpu")) {
            Files.writeString(given, "+cpu"); // as every service manager has it; it stays
        }
        return ROOT;
    }

    /** The words before those of a command. */
    List<String> words() {
        final boolean isV2 = ROOT.equals(parent);
        final String quota = String.valueOf(Math.round(cpus * PERIOD_US));
        return List.of(
                "sh",
                "-c",
                ENTER,
                parent.resolve(name).toString(),
                isV2 ? V2_FILE : V1_FILE,
                isV2 ? quota + " " + PERIOD_US : quota);
    }

    /** How many CPUs a JVM in a container with this limit takes its machine to have. */
    int visibleCpus() {
        return (int) Math.ceil(cpus);
    }

    @Override
    public void close() throws IOException {
        final List<String> left = new ArrayList<>();
        try (DirectoryStream<Path> groups = Files.newDirectoryStream(parent, name + "-*")) {
            for (final Path group : groups) {
                try {
                    Files.delete(group);
                } catch (final IOException busy) {
                    left.add(String.valueOf(busy.getMessage()));
                }
            }
        }
        if (!left.isEmpty()) {
            throw new IOException("take down control groups: " + String.join(", ", left));
        }
    }
}
