/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/**
 * Linux error numbers by name. Source: include/uapi/asm-generic/errno-base.h and errno.h, which all architectures of
 * {@link SchedulingCalls} use.
 */
public final class Errno {
    public static final int EPERM = 1;
    public static final int ENOENT = 2;
    public static final int ESRCH = 3;
    public static final int EINTR = 4;
    public static final int EIO = 5;
    public static final int ENXIO = 6;
    public static final int EBADF = 9;
    public static final int EAGAIN = 11;
    public static final int ENOMEM = 12;
    public static final int EACCES = 13;
    public static final int EFAULT = 14;
    public static final int EBUSY = 16;
    public static final int EEXIST = 17;
    public static final int ENODEV = 19;
    public static final int EINVAL = 22;
    public static final int ENFILE = 23;
    public static final int EMFILE = 24;
    public static final int ENOTTY = 25;
    public static final int ENOSPC = 28;
    public static final int EROFS = 30;
    public static final int ERANGE = 34;
    public static final int ENAMETOOLONG = 36;
    public static final int ENOSYS = 38;
    public static final int EBADMSG = 74;
    public static final int EBADFD = 77;
    public static final int ENOTSOCK = 88;
    public static final int EMSGSIZE = 90;
    public static final int ENOPROTOOPT = 92;
    public static final int EPROTONOSUPPORT = 93;
    public static final int EOPNOTSUPP = 95;
    public static final int EAFNOSUPPORT = 97;
    public static final int EADDRINUSE = 98;
    public static final int EADDRNOTAVAIL = 99;
    public static final int ENETDOWN = 100;
    public static final int ENETUNREACH = 101;
    public static final int ECONNRESET = 104;
    public static final int ENOBUFS = 105;
    public static final int ETIMEDOUT = 110;
    public static final int ECONNREFUSED = 111;
    public static final int EHOSTUNREACH = 113;

    private static final String[] NAMES = new String[134];
    private static final String[] TEXTS = new String[134];

    static {
        define(EPERM, "EPERM", "operation not permitted");
        define(ENOENT, "ENOENT", "no such file or directory");
        define(ESRCH, "ESRCH", "no such process or entry");
        define(EINTR, "EINTR", "interrupted system call");
        define(EIO, "EIO", "input/output error");
        define(ENXIO, "ENXIO", "no such device or address");
        define(EBADF, "EBADF", "bad file descriptor");
        define(EAGAIN, "EAGAIN", "try again");
        define(ENOMEM, "ENOMEM", "out of memory");
        define(EACCES, "EACCES", "permission denied");
        define(EFAULT, "EFAULT", "bad address");
        define(EBUSY, "EBUSY", "device or resource busy");
        define(EEXIST, "EEXIST", "already exists");
        define(ENODEV, "ENODEV", "no such device");
        define(EINVAL, "EINVAL", "invalid argument");
        define(ENFILE, "ENFILE", "too many open files on this machine");
        define(EMFILE, "EMFILE", "too many open files in this process");
        define(ENOTTY, "ENOTTY", "not a device of this kind");
        define(ENOSPC, "ENOSPC", "no space left");
        define(EROFS, "EROFS", "read-only file system");
        define(ERANGE, "ERANGE", "out of range");
        define(ENAMETOOLONG, "ENAMETOOLONG", "name too long");
        define(EBADMSG, "EBADMSG", "not a valid message");
        define(EBADFD, "EBADFD", "file descriptor in bad state");
        define(ENOTSOCK, "ENOTSOCK", "not a socket");
        define(EMSGSIZE, "EMSGSIZE", "message too long");
        define(ENOPROTOOPT, "ENOPROTOOPT", "protocol option not available");
        define(EPROTONOSUPPORT, "EPROTONOSUPPORT", "protocol not supported");
        define(EOPNOTSUPP, "EOPNOTSUPP", "operation not supported");
        define(EAFNOSUPPORT, "EAFNOSUPPORT", "address family not supported");
        define(EADDRINUSE, "EADDRINUSE", "address already in use");
        define(EADDRNOTAVAIL, "EADDRNOTAVAIL", "address not available");
        define(ENETDOWN, "ENETDOWN", "network is down");
        define(ENETUNREACH, "ENETUNREACH", "network is unreachable");
        define(ECONNRESET, "ECONNRESET", "connection reset by peer");
        define(ENOBUFS, "ENOBUFS", "no buffer space available");
        define(ETIMEDOUT, "ETIMEDOUT", "timed out");
        define(ECONNREFUSED, "ECONNREFUSED", "connection refused");
        define(EHOSTUNREACH, "EHOSTUNREACH", "no route to host");
    }

    private Errno() {}

    private static void define(final int errno, final String name, final String text) {
        NAMES[errno] = name;
        TEXTS[errno] = text;
    }

    /** The error that the last system call of this thread left. */
    public static int last() {
        return Libc.errno();
    }

    /** The symbolic name ({@code ENODEV}), or {@code errno 131} where none is known here. */
    public static String name(final int errno) {
        final String name = errno >= 0 && errno < NAMES.length ? NAMES[errno] : null;
        return null == name ? "errno " + errno : name;
    }

    /** The error in words. */
    public static String text(final int errno) {
        final String text = errno >= 0 && errno < TEXTS.length ? TEXTS[errno] : null;
        return null == text ? "unknown error" : text;
    }
}
