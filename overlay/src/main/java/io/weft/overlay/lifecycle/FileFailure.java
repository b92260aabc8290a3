/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/** Why a file could not be made, read or written, as people say it. */
public final class FileFailure {
    private FileFailure() {}

    /** Without the file's name, which is said already, nor that of a class but where there is no more. */
    public static String words(final Throwable failure) {
        if (failure instanceof final FileAlreadyExistsException other) {
            return other.getFile() + " is there already";
        }
        if (failure instanceof NoSuchFileException) {
            return "there is no such file or directory";
        }
        if (failure instanceof AccessDeniedException) {
            return "this user may not";
        }
        final String reason =
                failure instanceof final FileSystemException file ? file.getReason() : failure.getMessage();
        return null == reason ? failure.getClass().getSimpleName() : reason;
    }
}
