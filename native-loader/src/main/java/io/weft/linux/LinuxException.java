/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/**
 * A system call failed where the caller cannot go on. The message names what was tried, the errno by its name and, where
 * one is known, the remedy. Never thrown on the packet path.
 */
public final class LinuxException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int errno;

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
        this.errno = errno;
    }

    /** The error number, to be compared with the constants of {@link Errno}. */
    public int errno() {
        return errno;
    }
}
