/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.bench.stats.Stopwatch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** What forwards between the pods of a lab: one data plane on each node, kernel device or process. */
public final class Overlay implements AutoCloseable {
    private static final long START_LIMIT_NS = TimeUnit.MINUTES.toNanos(2);

    /** How many nodes may have a lease and be absent. */
    public static final int MAX_ABSENT_NODES = 10_000;

    private final Lab lab;

    /** Those of the lab and those that are absent. */
    private final List<Node> leased;

    private final Path directory;
    private final Map<Node, Process> processes = new HashMap<>();
    /** All that were started: one that hands over to another ends after that one has begun. */
    private final List<Process> started = new ArrayList<>();

    private boolean closed;

    /** A data plane for the nodes of a lab, not started yet. */
    public Overlay(final Lab lab) throws IOException {
        this(lab, 0);
    }

    /** @param absentNodes how many nodes that are not there have a lease, at most {@value #MAX_ABSENT_NODES}. */
    public Overlay(final Lab lab, final int absentNodes) throws IOException {
        this.lab = lab;
        leased = withAbsent(absentNodes);
        directory = Files.createTempDirectory("weft-lab-");
    }

    /**
     * Starts the data planes and waits until every pod reaches every other.
     *
     * @param planes one for each node of the lab, in the nodes' order.
     * @throws Command.CommandException if that fails; the message has what the processes said.
     */
    public void start(final List<DataPlane> planes, final Weftd weftd) throws IOException {
        for (final Node node : lab.nodes()) {
            start(node, planes.get(node.index()), weftd);
        }
        awaitReachable();
    }

    /**
     * Starts the data plane of one node, in the place of one that has ended, or that is to hand over. Does not wait for anything.
     *
     * @throws Command.CommandException if the lab is being taken down.
     * @throws IOException also if the daemon's user is unknown.
     */
    public synchronized void start(final Node node, final DataPlane plane, final Weftd weftd) throws IOException {
        if (closed) {
            throw new Command.CommandException("start " + plane + ": the lab is being taken down");
        }
        weftd.admit(directory);
        switch (plane) {
            case KERNEL -> KernelVxlan.start(node, leased, directory);
            case WEFT -> start(node, weftd);
            case WEFT_PACKET -> start(node, weftd.with("--underlay-port=packet"));
            case WEFT_POD_PACKET -> start(node, weftd.with("--pod-port=packet"));
            case WEFT_ALL_PACKET ->
                start(node, weftd.with("--underlay-port=packet").with("--pod-port=packet"));
            case SINGLE ->
                use(node, SingleForwarder.start(node, peer(node), runDirectory(node), Weftd.log(directory, node)));
            case OVS ->
                OpenVswitch.start(
                        node, peer(node), directory, Weftd.log(directory, node), process -> use(node, process));
            case WIREGUARD_GO ->
                WireGuard.startUserspace(node, peer(node), Weftd.log(directory, node), process -> use(node, process));
            case WIREGUARD -> WireGuard.startKernel(node, peer(node));
        }
    }

    /** The other one of two. */
    private Node peer(final Node node) {
        return lab.node(1 - node.index());
    }

    private void start(final Node node, final Weftd weftd) throws IOException {
        final Path log = Weftd.log(directory, node);
        Files.deleteIfExists(log); // one that still runs goes on with its own
        use(node, Command.start(log.toFile(), weftd.words(node, leased, directory)));
    }

    private void use(final Node node, final Process process) {
        processes.put(node, process);
        started.add(process);
    }

    /**
     * Has a service manager with a store of descriptors start weftd on a node, in the place of one that has ended.
     *
     * @throws Command.CommandException if the lab is being taken down.
     */
    public synchronized ServiceManager manage(final Node node, final Weftd weftd) throws IOException {
        if (closed) {
            throw new Command.CommandException("start a service manager: the lab is being taken down");
        }
        weftd.admit(directory);
        return ServiceManager.start(
                directory.resolve("notify-" + node.letter()),
                Weftd.log(directory, node),
                weftd.words(node, leased, directory));
    }

    /**
     * Waits until every pod reaches every other.
     *
     * @throws Command.CommandException if that does not come, or a process has ended; the message has what the processes said.
     */
    public void awaitReachable() {
        final long deadlineNs = System.nanoTime() + START_LIMIT_NS;
        for (final Node from : lab.nodes()) {
            for (final Node to : lab.nodes()) {
                if (!from.equals(to)) {
                    awaitReachable(from, to, deadlineNs);
                }
            }
        }
    }

    private void awaitReachable(final Node from, final Node to, final long deadlineNs) {
        while (!Command.tryRun(from.inPod("ping", "-c", "1", "-W", "0.2", to.podAddress()))
                .ok()) {
            processes.forEach((node, process) -> {
                if (!process.isAlive()) {
                    throw new Command.CommandException("node " + node.letter() + ": the data plane ended with status "
                            + process.exitValue() + ": " + said(node));
                }
            });
            if (System.nanoTime() > deadlineNs) {
                throw new Command.CommandException("pod " + from.letter() + " does not reach pod " + to.letter()
                        + ". Data planes said: "
                        + processes.keySet().stream().map(this::said).toList());
            }
        }
    }

    /** Waits until a weftd has been ready: one that ends before that takes its guard routes along, and pods are told that there is no way. */
    public void awaitReady(final Node node) {
        Stopwatch.secondsUntil(
                System.nanoTime(),
                () -> "ready in " + said(node),
                () -> said(node).contains("ready: "));
    }

    /**
     * Changes the leases that weftds follow to those of the lab's nodes and more.
     *
     * @param more nodes that have a lease and are not there, at most {@value #MAX_ABSENT_NODES}.
     */
    public void leases(final int more) throws IOException {
        leases(leasesText(more));
    }

    /** What {@link #leases(String)} takes, made before where that work would be taken for the daemons'. */
    public String leasesText(final int more) {
        return Weftd.leases(withAbsent(more));
    }

    /** Changes the leases that weftds follow to those of a text. */
    public void leases(final String text) throws IOException {
        final Path fresh = Files.writeString(directory.resolve("fresh"), text);
        Files.move(fresh, directory.resolve(Weftd.LEASES), StandardCopyOption.ATOMIC_MOVE);
    }

    private List<Node> withAbsent(final int count) {
        final List<Node> nodes = new ArrayList<>(lab.nodes());
        for (int i = 0; i < count; i++) {
            nodes.add(new Node(nodes.size(), "", ""));
        }
        return nodes;
    }

    /** The process that forwards on a node; absent where the kernel does. */
    public Process process(final Node node) {
        final Process process = processes.get(node);
        if (null == process) {
            throw new IllegalArgumentException("node " + node.letter() + " has no process that forwards");
        }
        return process;
    }

    /** Takes the kernel's device of a node away and makes it anew. */
    public void restartKernelVxlan(final Node node) throws IOException {
        KernelVxlan.restart(node, leased, directory);
    }

    /** What the process that forwards on a node has said since it was started. */
    public String said(final Node node) {
        try {
            return Files.readString(Weftd.log(directory, node), UTF_8).strip();
        } catch (final IOException ex) {
            throw new UncheckedIOException(ex);
        }
    }

    /** The nodes on which a process forwards. */
    public List<Node> userspaceNodes() {
        return lab.nodes().stream().filter(processes::containsKey).toList();
    }

    /** Where weftd of a node keeps counters and control socket. */
    public Path runDirectory(final Node node) {
        return Weftd.runDirectory(directory, node);
    }

    /** The counters of the process that forwards on a node, if it keeps some as weftd does. */
    public Optional<Path> countersFile(final Node node) {
        final Path run = runDirectory(node);
        return Stream.of(Weftd.COUNTERS, SingleForwarder.COUNTERS)
                .map(run::resolve)
                .filter(Files::exists)
                .findFirst();
    }

    /** The log of collections and safepoints of a node whose data plane is a JVM. */
    public Path gcLog(final Node node) {
        return Weftd.gcLog(directory, node);
    }

    /** Ends the processes and removes their files. Kernel devices go with the lab's namespaces. */
    @Override
    public synchronized void close() {
        closed = true;
        started.forEach(Process::destroy);
        started.forEach(Command::end);
        started.clear();
        processes.clear();
        removeDirectory();
    }

    private void removeDirectory() {
        if (!Files.exists(directory)) {
            return;
        }
        try (Stream<Path> files = Files.walk(directory)) {
            for (final Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (final IOException ex) {
            System.err.println("lab: remove " + directory + ": " + ex.getMessage());
        }
    }
}
