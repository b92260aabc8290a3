/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.regex.Matcher;

/**
 * A system call failed where the caller cannot go on. The message names what was tried, the errno by its name and, where
 * one is known, the remedy. Never thrown on the packet path.
 */
public final class LinuxException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String tried;
    private final int errno;
    private final String remedy;

    /**
     * @param tried what was tried, in words a user understands, with its object ("open /dev/net/tun").
     * @param errno the error number, as {@link Errno} names it.
     */
    public LinuxException(final String tried, final int errno) {
        this(tried, errno, "");
    }

    /**
     * @param tried what was tried, in words a user understands, with its object.
     * @param errno the error number.
     * @param remedy what the user can do about it; may be empty.
     */
    public LinuxException(final String tried, final int errno, final String remedy) {
        super(tried + ": " + Errno.name(errno) + " (" + Errno.text(errno) + ")"
                + (remedy.isEmpty() ? "" : ". " + remedy));
        this.tried = tried;
        this.errno = errno;
        this.remedy = remedy;
    }

    /**
     * A file could not be read.
     *
     * @param file that was tried.
     * @param failure what the JDK has made of it.
     * @param remedy for a file that this process may not read.
     */
    public static LinuxException reading(final Path file, final IOException failure, final String remedy) {
        if (failure instanceof AccessDeniedException) {
            return new LinuxException("read " + file, Errno.EACCES, remedy);
        }
        final String reason = failure instanceof final FileSystemException known ? known.getReason() : null;
        return new LinuxException(
                "read " + file, Errno.EIO, String.valueOf(null == reason ? failure.getMessage() : reason));
    }

    /**
     * The same, where a link is called by its number in what was tried.
     *
     * @param linkIndex its number.
     * @param name that it has.
     * @param more what the user can do about it; may be empty.
     */
    public LinuxException naming(final int linkIndex, final String name, final String more) {
        final LinuxException named = new LinuxException(
                tried.replaceAll("\\blink " + linkIndex + "\\b", Matcher.quoteReplacement(name)),
                errno,
                remedy.isEmpty() || more.isEmpty() ? remedy + more : remedy + ": " + more);
        named.initCause(this);
        return named;
    }

    /** What was tried and the errno's name, without its text and without the remedy: {@code open /dev/net/tun: ENOENT}. */
    public String brief() {
        return tried + ": " + Errno.name(errno);
    }

    /** The error number, to be compared with the constants of {@link Errno}. */
    public int errno() {
        return errno;
    }
}
