/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;

import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/** Where weftd keeps locks, sockets and what it knew: no other user may come between. */
public final class OwnDirectory {
    /** Of a file that other users can neither read nor lock. */
    public static final FileAttribute<Set<PosixFilePermission>> OWN_FILE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    /** Linux include/uapi/linux/stat.h: S_ISVTX, S_IWOTH, S_IWGRP. */
    private static final int STICKY = 01000;

    private static final int WRITABLE_BY_OTHERS = 02;
    private static final int WRITABLE_BY_GROUP = 020;

    private static final String OWNER = "unix:uid";
    private static final String MODE = "unix:mode";
    private static final int ROOT = 0;

    private static final FileAttribute<Set<PosixFilePermission>> DIRECTORY =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x"));

    private OwnDirectory() {}

    /**
     * Makes the directory if it is missing.
     *
     * @param option that names it or a file in it.
     * @throws StartupException when another user may make, rename or replace files in it, or the directory itself, and so keep
     *     weftd from its own or read and fake them.
     * @throws IOException when it cannot be made.
     */
    public static void require(final String option, final Path directory) throws IOException {
        Files.createDirectories(directory, DIRECTORY);
        final Path whole = directory.toAbsolutePath().normalize();
        requireOwn(option, whole);
        final Path real = whole.toRealPath();
        if (!real.equals(whole)) {
            requireOwn(option, real);
        }
    }

    /** Each part of the path, links among them, which whoever owns them may let lead elsewhere. */
    private static void requireOwn(final String option, final Path directory) throws IOException {
        final int self = (int) Files.getAttribute(Path.of("/proc/self"), OWNER);
        for (Path part = directory; null != part; part = part.getParent()) {
            final int owner = (int) Files.getAttribute(part, OWNER, NOFOLLOW_LINKS);
            final int mode = (int) Files.getAttribute(part, MODE, NOFOLLOW_LINKS);
            if (ROOT != owner && self != owner) {
                throw refused(option, directory, part, "belongs to user " + owner + ", who", "chown " + self);
            }
            final boolean isLink = Files.isSymbolicLink(part);
            // In a directory above with the sticky bit, as /tmp has it, nobody replaces what belongs to another.
            final boolean isGuarded = 0 != (mode & STICKY) && !part.equals(directory);
            if (!isLink && !isGuarded && 0 != (mode & WRITABLE_BY_OTHERS)) {
                throw refused(option, directory, part, "can be written by every user, who", "chmod o-w");
            }
            if (!isLink && !isGuarded && 0 != (mode & WRITABLE_BY_GROUP) && 0 != groupOf(part)) {
                throw refused(option, directory, part, "can be written by its group, which", "chmod g-w");
            }
        }
    }

    private static int groupOf(final Path directory) throws IOException {
        return (int) Files.getAttribute(directory, "unix:gid", NOFOLLOW_LINKS);
    }

    private static StartupException refused(
            final String option, final Path directory, final Path part, final String why, final String remedy) {
        return new StartupException("directory " + part + " " + why + " could lock or replace what weftd keeps "
                + (part.equals(directory) ? "there" : "in " + directory) + ": take that away (" + remedy + " " + part
                + "), or choose another by " + option);
    }

    /** Whether other users can open a file, and so lock it. */
    public static boolean isOpenToOthers(final Path file) throws IOException {
        final Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(file);
        permissions.remove(PosixFilePermission.OWNER_READ);
        permissions.remove(PosixFilePermission.OWNER_WRITE);
        permissions.remove(PosixFilePermission.OWNER_EXECUTE);
        return !permissions.isEmpty();
    }
}
