/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The right to be the one that installs into a directory: two at once would delete each other's runtimes. A file lock, which
 * the kernel gives back when the process ends in whatever way, on a file that only its owner can open, so that nobody else
 * can hold it.
 */
final class InstallLock implements AutoCloseable {
    /** Many times what an installation takes on a slow disk. */
    private static final long TIMEOUT_MS = 120_000;

    private static final long RETRY_NS = TimeUnit.MILLISECONDS.toNanos(100);

    private final FileChannel channel;

    private InstallLock(final FileChannel channel) {
        this.channel = channel;
    }

    /**
     * Takes the lock, waiting for another installation to end.
     *
     * @param directory of the lock file.
     * @throws IOException if it cannot be had.
     */
    static InstallLock take(final Path directory) throws IOException {
        final Path file = directory.resolve("lock");
        final FileChannel channel = FileChannel.open(
                file,
                Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        boolean isTaken = false;
        try {
            final Deadline deadline = Deadline.in(TIMEOUT_MS);
            isTaken = null != channel.tryLock();
            while (!isTaken && !deadline.hasPassed()) {
                LockSupport.parkNanos(RETRY_NS);
                isTaken = null != channel.tryLock();
            }
            if (!isTaken) {
                throw new IOException(
                        "another install-cni has held " + file + " for " + TIMEOUT_MS + " ms: end it, and try again");
            }
            return new InstallLock(channel);
        } finally {
            if (!isTaken) {
                channel.close();
            }
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
