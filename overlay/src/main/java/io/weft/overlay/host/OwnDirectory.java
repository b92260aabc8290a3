/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

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

    private static final FileAttribute<Set<PosixFilePermission>> DIRECTORY =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x"));

    private OwnDirectory() {}

    /**
     * Makes the directory if it is missing.
     *
     * @param option that names it or a file in it.
     * @throws StartupException when every user may make and rename files in it, and so keep weftd from its own.
     * @throws IOException when it cannot be made.
     */
    public static void require(final String option, final Path directory) throws IOException {
        Files.createDirectories(directory, DIRECTORY);
        if (Files.getPosixFilePermissions(directory).contains(PosixFilePermission.OTHERS_WRITE)) {
            throw new StartupException("directory " + directory
                    + " can be written by every user, who could lock or replace"
                    + " what weftd keeps there: take that away (chmod o-w " + directory + "), or choose another by "
                    + option);
        }
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
