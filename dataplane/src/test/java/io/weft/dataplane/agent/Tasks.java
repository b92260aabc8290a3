/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import io.weft.linux.testing.Await;
import java.io.IOException;
import java.io.UncheckedIOException;
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
        return Integer.parseInt(fieldsOf(name)[POLICY]);
    }

    /** Waits until that thread has a policy. */
    static void awaitPolicy(final String name, final int policy) {
        Await.until(() -> name + " has policy " + policy, Await.TIMEOUT_MS, () -> {
            try {
                return policy == policyOf(name);
            } catch (final IOException failure) {
                throw new UncheckedIOException(failure);
            }
        });
    }

    /** Its state, as R for one that runs or waits for a processor, and S for one that waits for something else. */
    static String stateOf(final String name) throws IOException {
        return fieldsOf(name)[0];
    }

    private static String[] fieldsOf(final String name) throws IOException {
        try (DirectoryStream<Path> tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
            for (final Path task : tasks) {
                final String line = Files.readString(task.resolve("stat"));
                if (line.contains("(" + name + ")")) {
                    return line.substring(line.lastIndexOf(')') + 2).split(" ", -1);
                }
            }
        }
        throw new IllegalStateException("no thread is named " + name);
    }
}
