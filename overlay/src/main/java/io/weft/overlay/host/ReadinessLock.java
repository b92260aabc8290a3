/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.overlay.lifecycle.FileFailure;
import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Tells the CNI plugin that this node forwards, as long as it is held: a record lock on the file {@code subnet.env.weftd}
 * beside {@code subnet.env} (docs/decisions/0040-overlay-readiness.md). The kernel drops it when the process ends in
 * whatever way. No other user may open the file, and so keep the lock from weftd. The file is never deleted, and this process opens it nowhere else: to close any other descriptor of it
 * would drop the lock.
 */
public final class ReadinessLock implements AutoCloseable {
    /** Appended to the name of the subnet file. */
    static final String SUFFIX = ".weftd";
    /**
     * A plugin that asks holds a shared lock for some microseconds; another weftd holds its lock for good. The control thread waits
     * meanwhile, and tries again later.
     */
    private static final long PATIENCE_NS = TimeUnit.MILLISECONDS.toNanos(20);

    private static final long RETRY_NS = TimeUnit.MILLISECONDS.toNanos(1);

    private final Path file;
    private final FileChannel channel;
    /** Device and inode of the file. */
    private final @Nullable Object fileKey;

    private ReadinessLock(final Path file, final FileChannel channel) throws IOException {
        this.file = file;
        this.channel = channel;
        fileKey = fileKey(file);
    }

    private static @Nullable Object fileKey(final Path file) throws IOException {
        return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
    }

    /** False when somebody removed or replaced the file: a lock on a file without its name tells the plugin nothing. */
    public boolean isInPlace() {
        try {
            return Objects.equals(fileKey, fileKey(file)); // by stat: to open and close it would drop the lock
        } catch (final IOException gone) {
            return false;
        }
    }

    /**
     * Looks whether another daemon has the subnet file, before anything is touched and as long as this process does not hold the
     * lock.
     *
     * @param subnetFile subnet.env, which need not be there, nor its directory.
     * @throws StartupException when another process holds the lock.
     */
    public static void requireFree(final Path subnetFile) {
        if (!isFree(subnetFile)) {
            throw ofAnother(subnetFile);
        }
    }

    /** Whether no other daemon has the subnet file, as {@link #requireFree} looks for it. */
    public static boolean isFree(final Path subnetFile) {
        final Path file = file(subnetFile);
        try {
            OwnDirectory.require("--subnet-file", Objects.requireNonNull(file.getParent()));
            if (!Files.exists(file) || OwnDirectory.isOpenToOthers(file)) {
                return true;
            }
            // A shared lock: an exclusive one would tell a plugin that asks just now that this node forwards.
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
                    FileLock lock = channel.tryLock(0, Long.MAX_VALUE, true)) {
                return null != lock;
            }
        } catch (final IOException failure) {
            throw failed(file, failure);
        }
    }

    private static Path file(final Path subnetFile) {
        return Path.of(subnetFile.toAbsolutePath() + SUFFIX);
    }

    private static StartupException ofAnother(final Path subnetFile) {
        return new StartupException("subnet file " + subnetFile + " belongs to another weftd, which holds "
                + file(subnetFile) + ": stop that one, or choose another --subnet-file");
    }

    private static StartupException failed(final Path file, final IOException failure) {
        return new StartupException(
                "lock " + file + ": " + FileFailure.words(failure) + ". Choose a writable place by --subnet-file",
                failure);
    }

    /** A file that others can open may be locked by them; one of an earlier weftd is. */
    private static void replaceIfOpenToOthers(final Path file) throws IOException {
        if (Files.exists(file) && OwnDirectory.isOpenToOthers(file)) {
            final Path fresh = Path.of(file + ".new");
            Files.deleteIfExists(fresh);
            Files.createFile(fresh, OwnDirectory.OWN_FILE);
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /**
     * Takes the lock; to be called when the node forwards and after the subnet file was written, for the lock file counts
     * only if it is not older than that.
     *
     * @param subnetFile subnet.env, in a directory that is there.
     * @throws StartupException when another process holds it, or the file cannot be made.
     */
    public static ReadinessLock take(final Path subnetFile) {
        final Path file = file(subnetFile);
        try {
            replaceIfOpenToOthers(file);
            final FileChannel channel = FileChannel.open(
                    file,
                    Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS),
                    OwnDirectory.OWN_FILE);
            boolean isTaken = false;
            try {
                isTaken = null != await(channel);
                if (!isTaken) {
                    throw ofAnother(subnetFile);
                }
                final ReadinessLock lock = new ReadinessLock(file, channel);
                lock.renew();
                return lock;
            } finally {
                if (!isTaken) {
                    channel.close();
                }
            }
        } catch (final IOException failure) {
            throw failed(file, failure);
        }
    }

    /** Makes the file as new as the subnet file at least, which has just been written again. */
    public void renew() throws IOException {
        channel.write(ByteBuffer.wrap(new byte[] {'\n'}), 0);
    }

    /**
     * Whether the plugin takes the subnet file for another daemon's, since the lock file is older: somebody touched the one, or
     * the clock went back.
     */
    public boolean isOlderThan(final Path subnetFile) throws IOException {
        return Files.getLastModifiedTime(file).compareTo(Files.getLastModifiedTime(subnetFile)) < 0;
    }

    /** Makes the file as new as the subnet file, whatever the clock says. */
    public void agree(final Path subnetFile) throws IOException {
        Files.setLastModifiedTime(
                file, Files.getLastModifiedTime(subnetFile)); // by name: to open it would drop the lock
    }

    private static @Nullable FileLock await(final FileChannel channel) throws IOException {
        final long startNs = System.nanoTime();
        FileLock lock = channel.tryLock();
        while (null == lock && System.nanoTime() - startNs < PATIENCE_NS) {
            LockSupport.parkNanos(RETRY_NS);
            lock = channel.tryLock();
        }
        return lock;
    }

    /** Gives the lock up; the file stays, and says from then on that weftd does not forward. */
    @Override
    public void close() throws IOException {
        channel.close();
    }
}
