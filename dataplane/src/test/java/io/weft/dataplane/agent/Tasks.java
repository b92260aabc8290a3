/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the kernel tells of this process's threads (proc_pid_stat(5)). */
final class Tasks {
    static final int ORDINARY = 0;
    static final int FIFO = 1;

    private static final int POLICY = 38; // counted from behind the name

    private Tasks() {}

    /** The policy of the thread of a name. */
    static int policyOf(final String name) throws IOException {
        try (DirectoryStream<Path> tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
            for (final Path task : tasks) {
                final String line = Files.readString(task.resolve("stat"));
                if (line.contains("(" + name + ")")) {
                    return Integer.parseInt(
                            line.substring(line.lastIndexOf(')') + 2).split(" ", -1)[POLICY]);
                }
            }
        }
        throw new IllegalStateException("no thread is named " + name);
    }
}
