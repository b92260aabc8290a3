/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import io.weft.linux.Errno;
import io.weft.linux.SchedulingPolicy;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The thread of the JVM for which all others stand still, as while it collects garbage. Where programs keep all processors busy it would wait
 * for them, and so would the data threads, whatever comes before others.
 */
public final class VmThread {
    /** HotSpot's (VMThread::create); {@code /proc/self/task/TID/comm} has it. A JVM that names it otherwise is left as it is. */
    static final String NAME = "VM Thread";

    private static final Path TASKS = Path.of("/proc/self/task");

    private VmThread() {}

    /**
     * Has it run before all ordinary threads, for good: it seldom has something to do.
     *
     * @param priority 1 to 99, among threads of real time.
     * @return 0, or -errno of what refused it.
     */
    public static int makeRealTime(final int priority) {
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(TASKS)) {
            for (final Path thread : threads) {
                if (NAME.equals(name(thread))) {
                    final int tid = Integer.parseInt(thread.getFileName().toString());
                    final int result = new SchedulingPolicy(tid).makeRealTime(priority);
                    return -Errno.EINVAL == result ? 0 : result; // it is so already
                }
            }
        } catch (final IOException | DirectoryIteratorException unreadable) {
            return 0;
        }
        return 0;
    }

    /** Empty of one that has ended meanwhile. */
    private static String name(final Path thread) {
        try {
            return Files.readString(thread.resolve("comm"), StandardCharsets.US_ASCII)
                    .strip();
        } catch (final IOException ended) {
            return "";
        }
    }
}
