/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * What the kernel tells of one thread of this process: {@code /proc/thread-self/stat} (proc_pid_stat(5)), "TID (NAME) STATE ...".
 *
 * <p>Opened by that thread, and read by one other; reading allocates nothing.
 */
public final class TaskStat implements AutoCloseable {
    private static final Path CALLING_THREAD = Path.of("/proc/thread-self/stat");

    /** On a processor, or waiting for one. */
    private static final char RUNNABLE = 'R';

    /** Of a number of ten digits, a name of 15 bytes in brackets, and a state more than it takes. */
    private static final int LENGTH = 64;

    private final FileChannel file;
    private final ByteBuffer line = ByteBuffer.allocateDirect(LENGTH);

    private TaskStat(final FileChannel file) {
        this.file = file;
    }

    /** That of the calling thread. */
    public static TaskStat ofCallingThread() throws IOException {
        return new TaskStat(FileChannel.open(CALLING_THREAD, StandardOpenOption.READ));
    }

    /** Whether it is on a processor or waits for one. */
    public boolean isRunnable() throws IOException {
        line.clear();
        file.read(line, 0);
        line.flip();
        int i = line.limit() - 1;
        while (i >= 0 && ')' != line.get(i)) {
            i--; // what follows the name has no bracket in it
        }
        return i >= 0 && i + 2 < line.limit() && RUNNABLE == line.get(i + 2);
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
