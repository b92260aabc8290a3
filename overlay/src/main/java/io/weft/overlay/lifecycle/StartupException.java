/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import org.jspecify.annotations.Nullable;

/** The daemon cannot start or go on. The message names the cause and the remedy, and is all that the user needs. */
public class StartupException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * A failure of its own.
     *
     * @param message cause and remedy.
     */
    public StartupException(final String message) {
        super(message);
    }

    /**
     * A failure with its cause.
     *
     * @param message cause and remedy.
     * @param cause kept for a stack trace; null if there is none.
     */
    public StartupException(final String message, final @Nullable Throwable cause) {
        super(message, cause);
    }

    /** Why a file could not be made: without its name, which is said already, nor that of a class but where there is no more. */
    public static String words(final Throwable failure) {
        if (failure instanceof final FileAlreadyExistsException other) {
            return other.getFile() + " is there already";
        }
        if (failure instanceof NoSuchFileException) {
            return "there is no such directory";
        }
        if (failure instanceof AccessDeniedException) {
            return "this user may not";
        }
        final String message =
                failure instanceof final FileSystemException file ? file.getReason() : failure.getMessage();
        return null == message ? failure.getClass().getSimpleName() : message;
    }
}
