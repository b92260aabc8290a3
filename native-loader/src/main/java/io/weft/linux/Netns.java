/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * Network namespaces, by the path of their file: {@code /run/netns/NAME} for those that iproute2 made,
 * {@code /proc/PID/ns/net} for the one of a process (a pod).
 *
 * <p>The namespace is a property of the kernel thread. What a thread opens (sockets, TUN devices) stays in the namespace
 * in which it was opened, and threads that a thread starts begin in that thread's namespace.
 */
public final class Netns {
    /** Where iproute2 keeps the namespaces that have names. */
    public static final Path DIRECTORY = Path.of("/run/netns");

    private static final int O_RDONLY = 0;
    private static final int O_CLOEXEC = 0x80000; // include/uapi/asm-generic/fcntl.h
    private static final int CLONE_NEWNET = 0x4000_0000; // include/uapi/linux/sched.h

    private Netns() {}

    /** The file of the namespace that {@code ip netns} calls by this name. */
    public static Path named(final String name) {
        return DIRECTORY.resolve(name);
    }

    /**
     * Moves the calling thread into a namespace, for the rest of its life or until it enters another one. Never call this
     * on a thread that is handed back to a pool.
     *
     * @param file of the namespace.
     * @throws LinuxException if there is no such namespace or the thread may not enter it (CAP_SYS_ADMIN).
     */
    public static void enter(final Path file) {
        final int fd = Libc.LIBC.open(file.toString(), O_RDONLY | O_CLOEXEC, 0);
        if (fd < 0) {
            throw new LinuxException("open network namespace " + file, Errno.last());
        }
        final int result = Libc.LIBC.setns(fd, CLONE_NEWNET);
        final int errno = result < 0 ? Errno.last() : 0;
        Libc.LIBC.close(fd);
        if (result < 0) {
            throw new LinuxException(
                    "enter network namespace " + file, errno, "It takes root, or CAP_SYS_ADMIN in that namespace.");
        }
    }

    /**
     * Runs a task inside a namespace, on a thread made for it, and waits for its end. May be called from any thread, also
     * from several at a time and from inside another namespace.
     *
     * @param file of the namespace.
     * @param task to run there.
     * @param <T> what the task yields.
     * @return what the task returned.
     * @throws RuntimeException or Error as the task threw it; a checked exception is wrapped in an
     *     {@link IllegalStateException}.
     */
    public static <T> T call(final Path file, final Callable<T> task) {
        final FutureTask<T> future = new FutureTask<>(() -> {
            enter(file);
            return task.call();
        });
        final Thread thread = new Thread(future, "netns-" + file.getFileName());
        thread.setDaemon(true);
        thread.start();
        try {
            return future.get();
        } catch (final ExecutionException e) {
            throw unchecked(file, Objects.requireNonNull(e.getCause()));
        } catch (final InterruptedException e) {
            future.cancel(true);
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while a task ran in network namespace " + file, e);
        }
    }

    private static RuntimeException unchecked(final Path file, final Throwable cause) {
        if (cause instanceof Error error) {
            throw error;
        }
        if (cause instanceof RuntimeException runtimeException) {
            return runtimeException;
        }
        return new IllegalStateException("task in network namespace " + file + " failed: " + cause, cause);
    }
}
