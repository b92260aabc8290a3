/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * An operation that ends with an error result. The codes are those of the CNI specification 1.1.0, section 5 ("Error"),
 * and, from 100 on, this plugin's own.
 */
final class CniException extends Exception {
    /** The configuration's version is not spoken, or the operation does not exist in it. */
    static final int INCOMPATIBLE_VERSION = 1;

    /** The container is not known: nothing was added, or it has been deleted. */
    static final int UNKNOWN_CONTAINER = 3;

    /** A CNI_ variable is missing or malformed. */
    static final int INVALID_ENVIRONMENT = 4;

    /** A file could not be read or written, a process not started. */
    static final int IO_FAILURE = 5;

    /** Standard input, or a delegate's standard output, is not JSON. */
    static final int DECODING_FAILURE = 6;

    /** A key of the configuration is missing, or its value is not allowed. */
    static final int INVALID_CONFIGURATION = 7;

    /** The operation will succeed by itself in a while: the overlay is not ready. Given for nothing that has to be mended. */
    static final int TRY_AGAIN_LATER = 11;

    /** STATUS: the plugin cannot serve an ADD now. */
    static final int NOT_AVAILABLE = 50;

    /** This plugin's own: the attachment exists already, and an ADD would destroy it. */
    static final int ATTACHMENT_EXISTS = 100;

    /** This plugin's own: a delegate, standard input or a file system has not answered in time. */
    static final int TIMED_OUT = 101;

    /** What libcni gives to an error without a code. */
    static final int INTERNAL = 999;

    private static final long serialVersionUID = 1L;

    private final int code;
    private final String details;

    /**
     * @param code one of the constants above, or a delegate's own.
     * @param message what failed, with key and value.
     * @param details what to do about it, or what was found; may be empty.
     */
    CniException(final int code, final String message, final String details) {
        super(message);
        this.code = code;
        this.details = details;
    }

    /**
     * What could not be done with a file, code 5. A failed write tells no name by itself.
     *
     * @param what was tried.
     * @param file it was tried with.
     * @param cause of the failure.
     */
    static CniException ofFile(final String what, final Path file, final IOException cause) {
        return new CniException(IO_FAILURE, what + " " + file + ": " + reason(file, cause), "");
    }

    /** As the C library words it: some of Java's exceptions have the error in their class alone. */
    private static String reason(final Path file, final IOException cause) {
        if (!(cause instanceof FileSystemException failure)) {
            return String.valueOf(cause.getMessage());
        }
        final String words;
        if (cause instanceof NoSuchFileException) {
            words = "No such file or directory";
        } else if (cause instanceof FileAlreadyExistsException) {
            words = "File exists";
        } else if (cause instanceof AccessDeniedException) {
            words = "Permission denied";
        } else {
            words = null == failure.getReason() ? cause.toString() : failure.getReason();
        }
        return null == failure.getFile() || file.toString().equals(failure.getFile())
                ? words
                : failure.getFile() + ": " + words;
    }

    /** Message and details in one line. */
    String inWords() {
        return details.isEmpty() ? message() : message() + " (" + details + ")";
    }

    /** The same error, with something more in its details. */
    CniException and(final String more) {
        return new CniException(code, message(), details.isEmpty() ? more : details + "; " + more);
    }

    int code() {
        return code;
    }

    String message() {
        final String message = getMessage();
        return null == message ? "" : message;
    }

    String details() {
        return details;
    }
}
