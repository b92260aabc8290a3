/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Whether the overlay behind the bridge forwards, found out in microseconds and without talking to a daemon
 * (docs/decisions/0040-overlay-readiness.md).
 *
 * <p>It does if subnet.env is complete and, where weftd wrote it, weftd holds its lock. The lock is a POSIX record lock on
 * the file {@code subnet.env.weftd} beside it, which the kernel drops when weftd ends in whatever way. A lock file older
 * than subnet.env is of an earlier life of the node: another daemon, flanneld, has taken over since.
 */
final class Overlay {
    /** Appended to the name of subnet.env. */
    static final String LOCK_SUFFIX = ".weftd";

    private Overlay() {}

    /**
     * The node, as its overlay daemon describes it.
     *
     * @param subnetFile subnet.env.
     * @throws CniException code 11 if the overlay does not forward.
     */
    static SubnetEnv ready(final Path subnetFile) throws CniException {
        final SubnetEnv env = SubnetEnv.read(subnetFile);
        final Path lockFile = Path.of(subnetFile + LOCK_SUFFIX);
        try {
            final boolean isWeft = Files.exists(lockFile)
                    && Files.getLastModifiedTime(lockFile).compareTo(Files.getLastModifiedTime(subnetFile)) >= 0;
            if (isWeft && !isLocked(lockFile)) {
                throw new CniException(
                        CniException.TRY_AGAIN_LATER,
                        "the overlay is not ready: no weftd holds the lock on " + lockFile,
                        "weftd has ended or does not forward yet; see its log");
            }
        } catch (final NoSuchFileException e) {
            throw new CniException(
                    CniException.TRY_AGAIN_LATER,
                    "the overlay is not ready: " + e.getFile() + " has just gone",
                    "a daemon is starting or ending");
        } catch (final IOException e) {
            throw CniException.ofFile("cannot examine", lockFile, e);
        }
        return env;
    }

    private static boolean isLocked(final Path lockFile) throws IOException {
        try (FileChannel channel = FileChannel.open(lockFile, StandardOpenOption.READ);
                FileLock lock = channel.tryLock(0, Long.MAX_VALUE, true)) {
            return null == lock;
        }
    }
}
