/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.testing;

import io.weft.linux.Netns;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A network namespace of a test's own, loopback up. {@link #close()} ends what {@link #start} started and deletes it; a
 * shutdown hook does so for those that a killed test run left open.
 */
public final class NetworkNamespace implements AutoCloseable {
    private static final AtomicInteger SEQUENCE = new AtomicInteger();
    private static final Set<NetworkNamespace> OPEN = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime()
                .addShutdownHook(
                        new Thread(() -> List.copyOf(OPEN).forEach(NetworkNamespace::close), "namespaces-clean-up"));
    }

    private final String name;
    private final List<BackgroundProcess> processes = new CopyOnWriteArrayList<>();

    private NetworkNamespace(final String name) {
        this.name = name;
    }

    /**
     * Makes a namespace named {@code weft-PID-N-LABEL}.
     *
     * @param label tells the namespaces of a test apart.
     * @return the namespace, its loopback device up.
     */
    public static NetworkNamespace create(final String label) {
        final NetworkNamespace namespace = new NetworkNamespace(ownPrefix() + SEQUENCE.incrementAndGet() + "-" + label);
        Command.run(List.of("ip", "netns", "add", namespace.name));
        OPEN.add(namespace);
        try {
            namespace.ip("link", "set", "lo", "up");
        } catch (final RuntimeException e) {
            namespace.close();
            throw e;
        }
        return namespace;
    }

    /** What the names of this process's namespaces begin with; {@code ./weft} knows by it what a dead process has left. */
    static String ownPrefix() {
        return "weft-" + ProcessHandle.current().pid() + "-";
    }

    /** The name by which {@code ip netns} knows it. */
    public String name() {
        return name;
    }

    /** The namespace's file. */
    public Path path() {
        return Netns.named(name);
    }

    /**
     * Runs a task on a new thread inside the namespace: sockets and TUN devices that it opens, and threads that it starts,
     * belong to the namespace.
     *
     * @param task to run.
     * @param <T> what the task yields.
     * @return what the task returned; what it throws is thrown here (checked exceptions wrapped).
     */
    public <T> T call(final Callable<T> task) {
        return Netns.call(path(), task);
    }

    /** A task without a result that may throw anything. */
    @FunctionalInterface
    public interface Task {
        /** Does the work. */
        void run() throws Exception;
    }

    /**
     * Runs a task without a result, as {@link #call} does.
     *
     * @param task to run.
     */
    public void run(final Task task) {
        call(() -> {
            task.run();
            return true;
        });
    }

    /**
     * Runs a command inside, which must succeed.
     *
     * @param command and its arguments.
     * @return its standard output.
     * @throws IllegalStateException with its output if it fails.
     */
    public String exec(final String... command) {
        return Command.run(inside(command));
    }

    /**
     * Runs a command inside, however it ends.
     *
     * @param command and its arguments.
     * @return its exit code and output.
     */
    public Command.Result tryExec(final String... command) {
        return Command.tryRun(inside(command));
    }

    /**
     * Starts a process inside; it ends with the namespace at the latest.
     *
     * @param command and its arguments.
     * @return the running process.
     */
    public BackgroundProcess start(final String... command) {
        final BackgroundProcess process = new BackgroundProcess(inside(command));
        processes.add(process);
        return process;
    }

    /**
     * {@code ip -n NAME ARGUMENTS}.
     *
     * @param arguments of {@code ip}.
     * @return its standard output.
     */
    public String ip(final String... arguments) {
        return onNamespace("ip", arguments);
    }

    /**
     * {@code bridge -n NAME ARGUMENTS}.
     *
     * @param arguments of {@code bridge}.
     * @return its standard output.
     */
    public String bridge(final String... arguments) {
        return onNamespace("bridge", arguments);
    }

    /**
     * Sets a kernel parameter of the namespace.
     *
     * @param key as sysctl names it, with slashes for a device name that has a dot ({@code net/ipv4/conf/weft.1/rp_filter}).
     * @param value to set.
     */
    public void sysctl(final String key, final Object value) {
        final String path = key.indexOf('/') >= 0 ? key : key.replace('.', '/');
        run(() -> Files.writeString(Path.of("/proc/sys", path), String.valueOf(value)));
    }

    /**
     * Joins two namespaces by a veth pair, both ends up.
     *
     * @param device in this namespace.
     * @param other namespace; may be this one.
     * @param otherDevice in the other namespace.
     * @param mtu of both ends.
     */
    public void vethTo(final String device, final NetworkNamespace other, final String otherDevice, final int mtu) {
        final String mtuText = Integer.toString(mtu);
        Command.run(List.of(
                "ip",
                "link",
                "add",
                device,
                "netns",
                name,
                "mtu",
                mtuText,
                "type",
                "veth",
                "peer",
                "name",
                otherDevice,
                "netns",
                other.name,
                "mtu",
                mtuText));
        ip("link", "set", device, "up");
        other.ip("link", "set", otherDevice, "up");
    }

    private List<String> inside(final String... command) {
        final List<String> words = new ArrayList<>(List.of("ip", "netns", "exec", name));
        words.addAll(Arrays.asList(command));
        return words;
    }

    private String onNamespace(final String program, final String... arguments) {
        final List<String> words = new ArrayList<>(List.of(program, "-n", name));
        words.addAll(Arrays.asList(arguments));
        return Command.run(words);
    }

    /** Ends the processes started inside and deletes the namespace. */
    @Override
    public void close() {
        if (!OPEN.remove(this)) {
            return;
        }
        try (CloseAll all = new CloseAll()) {
            all.add(() -> Command.run(List.of("ip", "netns", "del", name)));
            processes.forEach(all::add);
        }
    }
}
