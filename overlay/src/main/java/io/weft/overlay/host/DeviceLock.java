/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.overlay.lifecycle.FileFailure;
import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The right to be the one weftd of a device. Held as a file lock, so that the kernel gives it back when the process dies in
 * whatever way; the device itself gives no such right, since a TUN with several queues can be opened several times.
 */
public final class DeviceLock implements AutoCloseable {
    private static final String SUFFIX = ".lock";

    private final Path file;
    private FileChannel channel;
    /** Device and inode of the file. */
    private @Nullable Object fileKey;

    private DeviceLock(final Path file, final FileChannel channel) throws IOException {
        this.file = file;
        this.channel = channel;
        fileKey = fileKey(file);
    }

    private static @Nullable Object fileKey(final Path file) throws IOException {
        return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
    }

    /** False when somebody removed or replaced the file: a lock on a file without its name keeps no other weftd away. */
    private boolean isInPlace() {
        try {
            return Objects.equals(fileKey, fileKey(file));
        } catch (final IOException gone) {
            return false;
        }
    }

    /**
     * Takes the lock again on a file of the same name, where somebody removed that.
     *
     * @return false when all was in place.
     * @throws StartupException when another process has it by now, or the file cannot be made.
     */
    public boolean putBack() throws IOException {
        if (isInPlace()) {
            return false;
        }
        final String name = String.valueOf(file.getFileName());
        final DeviceLock again = take(
                Objects.requireNonNull(file.getParent(), "a file in a directory"),
                name.substring(0, name.length() - SUFFIX.length()));
        channel.close();
        channel = again.channel;
        fileKey = again.fileKey;
        return true;
    }

    /**
     * Takes the lock. It is that of the device's name in this directory, whatever the network namespace: socket and counters of
     * two daemons that share the directory would have the same names.
     *
     * @param runDirectory directory of the lock file; made if missing.
     * @param deviceName of the device.
     * @throws StartupException when another process holds it, or the file cannot be made.
     */
    public static DeviceLock take(final Path runDirectory, final String deviceName) {
        try {
            OwnDirectory.require("--run-dir", runDirectory);
            final Path file = runDirectory.resolve(deviceName + SUFFIX);
            DeviceLock lock = tryTake(file);
            if (null == lock && isOfNobody(file)) {
                Files.deleteIfExists(file);
                lock = tryTake(file);
            }
            if (null == lock) {
                throw new StartupException("device " + deviceName + " belongs to another weftd, process "
                        + Files.readString(file).trim() + ", which keeps its files in " + runDirectory
                        + " as well: stop that one, or choose another --run-dir, as for one in another network namespace,"
                        + " or another --device-name");
            }
            return lock;
        } catch (final IOException failure) {
            throw new StartupException(
                    "lock device " + deviceName + " in " + runDirectory + ": " + FileFailure.words(failure)
                            + ". Choose a writable directory by --run-dir",
                    failure);
        }
    }

    /** A file of an older weftd, which others could open, may be locked by them, when the process that it names is gone. */
    private static boolean isOfNobody(final Path file) throws IOException {
        if (!Files.exists(file) || !OwnDirectory.isOpenToOthers(file)) {
            return false;
        }
        final String pid = Files.readString(file).trim();
        return !pid.matches("\\d{1,18}")
                || ProcessHandle.of(Long.parseLong(pid)).isEmpty();
    }

    /**
     * Looks whether a weftd of this run directory lives.
     *
     * @throws StartupException naming it.
     */
    public static void requireNoneHeld(final Path runDirectory) {
        if (!Files.isDirectory(runDirectory)) {
            return;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(runDirectory, "*" + SUFFIX)) {
            for (final Path file : files) {
                final DeviceLock lock = tryTake(file);
                if (null == lock) {
                    throw new StartupException(
                            "weftd runs, process " + Files.readString(file).trim() + " by " + file + ": stop it first");
                }
                lock.close();
            }
        } catch (final IOException | DirectoryIteratorException failure) {
            throw new StartupException("look for locks in " + runDirectory + ": " + failure, failure);
        }
    }

    private static @Nullable DeviceLock tryTake(final Path file) throws IOException {
        final FileChannel channel = FileChannel.open(
                file,
                Set.of(
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE,
                        LinkOption.NOFOLLOW_LINKS),
                OwnDirectory.OWN_FILE);
        boolean taken = false;
        try {
            final FileLock lock = channel.tryLock();
            if (null == lock) {
                return null;
            }
            final String pid = ProcessHandle.current().pid() + "\n";
            channel.truncate(0);
            channel.write(StandardCharsets.US_ASCII.encode(pid));
            // The holder before deleted the file at its end: a lock on a file that has lost its name is worth nothing.
            // The file is not opened for this, since closing any descriptor of it would give the lock back.
            taken = Files.exists(file) && pid.length() == Files.size(file);
            if (taken) {
                Files.setPosixFilePermissions(file, OwnDirectory.OWN_FILE.value()); // by name, for the same reason
            }
            return taken ? new DeviceLock(file, channel) : null;
        } catch (final OverlappingFileLockException heldByThisProcess) {
            return null;
        } finally {
            if (!taken) {
                channel.close();
            }
        }
    }

    @Override
    public void close() throws IOException {
        if (isInPlace()) {
            Files.deleteIfExists(file);
        }
        channel.close();
    }
}
