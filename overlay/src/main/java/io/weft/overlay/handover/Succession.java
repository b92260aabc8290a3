/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.handover;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.Descriptors;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.forwarding.Forwarders;
import io.weft.overlay.host.DeviceLock;
import io.weft.overlay.host.KernelDevices;
import io.weft.overlay.host.ReadinessLock;
import io.weft.overlay.host.UdpPort;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.NotYetException;
import io.weft.overlay.lifecycle.PlaceFreeException;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.lifecycle.TakeDown;
import io.weft.overlay.options.WeftOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * How a node comes to have its place: it is free, or a running daemon hands it over, or a running daemon has to end first. Until the
 * place is this process's, nothing of the host is changed. Closed after all else of the node, for it has the locks. Used by the
 * control thread alone.
 */
public final class Succession implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Succession.class.getName());
    /** The kernel closes what a process had one by one, and tells of the first. */
    private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(10);
    /** One that ends in good order lets go of its locks last. */
    private static final long END_NS = TimeUnit.MILLISECONDS.toNanos(Predecessor.END_MS);

    private static final long RETRY_MS = 2;

    private static final int CONTINUING_RUNS = 20;

    private final WeftOptions options;
    private final Tenure tenure;
    private final List<String> deviceNames;
    private final Description own;
    private final Deque<AutoCloseable> undo = new ArrayDeque<>();
    private final List<DeviceLock> deviceLocks = new ArrayList<>();
    private @Nullable Predecessor predecessor;
    /** A daemon that is gone has left what this one may go on with. */
    private boolean isLeft;
    /** The service manager has the descriptors of this one. */
    private boolean isKept;
    /** What that is called in the store, whoever has taken it here. */
    private Set<String> leftNames = Set.of();

    /**
     * Nothing is asked or taken yet.
     *
     * @param deviceNames of the node.
     * @param own what this daemon is, but for its lease.
     */
    public Succession(
            final WeftOptions options,
            final Tenure tenure,
            final Collection<String> deviceNames,
            final Description own) {
        this.options = options;
        this.tenure = tenure;
        this.deviceNames = List.copyOf(deviceNames);
        this.own = own;
    }

    /**
     * Looks who has the place: takes it if it is free.
     *
     * @param subnetFile that the node is to write.
     * @throws StartupException if the place is another's and may not be taken.
     */
    public void begin(final Path subnetFile) throws InterruptedException {
        tenure.start().wants(deviceNames.get(0));
        Predecessor running = Predecessor.find(options.runDirectory, deviceNames, own);
        if (null == running && !ReadinessLock.isFree(subnetFile)) {
            running = Predecessor.findWriter(options.runDirectory, own);
        }
        if (null == running) {
            patientlyIfFreed(tenure::openPorts);
            patientlyIfFreed(this::lock);
            patientlyIfFreed(() -> ReadinessLock.requireFree(subnetFile));
            leftNames = tenure.inherited().names();
            isLeft = !leftNames.isEmpty();
            return;
        }
        undo.push(running);
        if (tenure.hadPlace()) {
            // To take it back would have the two alternate, or stop the rollout that the other is part of.
            throw new NotYetException(running + " has taken the place of this one, which had none for a while: this one"
                    + " waits for that to end. Stop either");
        }
        predecessor = running;
        running.requireConsent(own, options.replace);
        tenure.openPortsBeside(running);
        if (!own.get(Description.SUBNET_FILE).equals(running.get(Description.SUBNET_FILE))) {
            ReadinessLock.requireFree(subnetFile);
        }
    }

    /** Whether a running daemon still has the place. */
    public boolean isAwaited() {
        return null != predecessor;
    }

    /** Whether the tunnel's port is the running daemon's as well. */
    public boolean isPortHeld() {
        final Predecessor running = predecessor;
        return null != running && own.get(Description.PORT).equals(running.get(Description.PORT));
    }

    /**
     * Checks that nobody receives on the tunnel's port.
     *
     * @param replaced devices that may have it, for they are going to be taken over.
     * @throws StartupException naming the owner.
     */
    public void requireFreePort(final Rtnetlink rtnetlink, final BackendConfig backend, final KernelDevices replaced)
            throws InterruptedException {
        if (backend.type().isTunnel()) {
            patientlyIfFreed(() -> UdpPort.requireFree(rtnetlink, backend.port(), replaced));
        }
    }

    /**
     * Gets what the running daemon leaves; if that is of no use here, has it end first.
     *
     * @param lease of this node.
     * @return empty where the place is this process's.
     */
    public Descriptors settle(final Lease lease) throws InterruptedException {
        own.put(Description.LEASE, lease);
        final Descriptors left = new Descriptors();
        undo.push(left);
        final Predecessor running = predecessor;
        if (null == running) {
            if (isLeft) {
                inherit(left);
            }
            return left;
        }
        final String misfit = running.misfit(own);
        if (misfit.isEmpty()) {
            running.take(left);
        } else {
            LOG.log(INFO, "what {0} has is of no use here: {1}{2}", running, misfit, LogFields.of("former", running));
            running.leave();
            follow(running);
            tenure.placeIsFreed();
        }
        return left;
    }

    private void inherit(final Descriptors left) {
        final Description kept = DescriptorStore.description(file());
        final String misfit = null == kept ? "nobody knows for what" : String.join(", ", own.misfits(kept));
        if (!misfit.isEmpty()) {
            LOG.log(INFO, "what the weftd before has left is of no use here: {0}", misfit);
            forget(left);
            return;
        }
        LOG.log(INFO, "goes on with what the weftd before has left");
        left.addAll(tenure.inherited());
        if (null != kept && !kept.get(Description.FORMER).isEmpty()) {
            tenure.follows(kept.get(Description.FORMER));
            own.put(Description.FORMER, kept.get(Description.FORMER));
        }
    }

    /**
     * Opens forwarders with what was left; without it, where a daemon that is gone has left what is of no use after all.
     *
     * @param opener takes what was left.
     */
    public Forwarders open(final Descriptors left, final Function<Descriptors, Forwarders> opener)
            throws InterruptedException {
        final Forwarders opened = openWith(left, opener);
        left.close(); // what nobody has a use for
        return opened;
    }

    private Forwarders openWith(final Descriptors left, final Function<Descriptors, Forwarders> opener)
            throws InterruptedException {
        if (isAwaited()) { // what it has handed over can be taken once
            return opener.apply(left);
        }
        if (isLeft) {
            try {
                return opener.apply(left);
            } catch (final LinuxException gone) {
                LOG.log(WARNING, "{0}. Device and sockets are made anew", gone.getMessage());
                forget(left);
            }
        }
        final AtomicReference<Forwarders> opened = new AtomicReference<>();
        patientlyIfFreed(() -> opened.set(opener.apply(left)));
        return Objects.requireNonNull(opened.get(), "opened");
    }

    /** Has no use for what was left, after all: it is taken out of the store, and so gone. */
    private void forget(final Descriptors left) {
        isLeft = false;
        left.close();
        tenure.inherited().close();
        tenure.store().remove(leftNames);
        tenure.placeIsFreed(); // the service manager closes what it had when it has time
    }

    private Path file() {
        return DescriptorStore.file(options.runDirectory, deviceNames.get(0));
    }

    /** Whether a daemon that is gone has left what this one goes on with. */
    public boolean isLeft() {
        return isLeft;
    }

    /** Whether the place is, or was, another daemon's. */
    public boolean isPlaceTaken() {
        return isAwaited() || isLeft();
    }

    /** Lets the next process go on with the devices and sockets, however this one ends. */
    public void keep(final Forwarders forwarders) {
        final Map<String, Integer> descriptors = forwarders.descriptors();
        isKept = tenure.store().put(descriptors, own, file());
        final Set<String> useless = new HashSet<>(leftNames);
        useless.removeAll(isKept ? descriptors.keySet() : Set.of());
        tenure.store().remove(useless);
        if (isKept) {
            undo.push(() -> tenure.store().remove(descriptors.keySet()));
        } else {
            tenure.store().remove(descriptors.keySet());
        }
    }

    /** Whether devices and sockets may stay as they are when this process ends; tells the service manager that it does. */
    public boolean isKeptAtEnd() {
        tenure.store().stopping();
        return isKept;
    }

    /**
     * Begins to forward by what a daemon left that is gone. What has come since waits in the kernel's queues.
     *
     * @param forwarders made of what it left, with their tables published.
     */
    public void goOn(final Forwarders forwarders) {
        isLeft = false;
        forwarders.continuing().run();
        forwarders.start();
        forwarders.own();
    }

    /**
     * Forwards in the place of the running daemon, which ends. What comes meanwhile waits in the kernel's queues.
     *
     * @param forwarders made of what it left, with their tables published.
     * @throws StartupException if it does not come to that; then the running daemon goes on.
     */
    public void takeOver(final Forwarders forwarders) {
        final Predecessor running = predecessor;
        if (null == running) {
            return;
        }
        try {
            forwarders.rehearse(true).await();
            takeOver(forwarders, running);
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
            throw new StartupException("told to stop while taking over", stop);
        }
    }

    private void takeOver(final Forwarders forwarders, final Predecessor running) throws InterruptedException {
        final Runnable continuing = forwarders.continuing();
        for (int i = 0; i < CONTINUING_RUNS; i++) {
            continuing.run(); // so that little is left to add while nobody forwards, by code that is compiled
        }
        System.gc(); // what the start left is collected while the other still forwards
        final long pausedNs = System.nanoTime();
        pause(running);
        continuing.run();
        forwarders.start();
        final String pauseMs = String.format(Locale.ROOT, "%.1f", (System.nanoTime() - pausedNs) / 1e6);
        running.go();
        LOG.log(
                INFO,
                "forwards in the place of {0} which has ended, after {1} ms{2}",
                running,
                pauseMs,
                LogFields.of("former", running, "pauseMs", pauseMs));
        follow(running);
        forwarders.own();
    }

    /** One that has ended has left its device and sockets here all the same. */
    private static void pause(final Predecessor running) {
        try {
            running.pause();
        } catch (final PlaceFreeException gone) {
            LOG.log(WARNING, "{0}: this one goes on with what it had", gone.getMessage());
        }
    }

    private void follow(final Predecessor ended) throws InterruptedException {
        predecessor = null;
        tenure.follows(ended.instances());
        tenure.start().takesPlaceOf(Long.parseLong(ended.get(Description.PID)));
        own.put(Description.FORMER, ended.instances());
        patiently(this::lock, END_NS);
        patiently(tenure::openPorts, END_NS);
    }

    /**
     * Does what cannot be done while another process has the place; if that one has just ended by itself, it may not be gone
     * altogether, and is waited for.
     */
    private void patientlyIfFreed(final Runnable step) throws InterruptedException {
        if (tenure.isPlaceJustFreed(PATIENCE_NS)) {
            patiently(step, PATIENCE_NS);
        } else {
            step.run();
        }
    }

    private static void patiently(final Runnable step, final long patienceNs) throws InterruptedException {
        final long deadlineNs = System.nanoTime() + patienceNs;
        while (true) {
            try {
                step.run();
                return;
            } catch (final StartupException | LinuxException notYet) {
                if (System.nanoTime() - deadlineNs > 0) {
                    throw notYet;
                }
            }
            TimeUnit.MILLISECONDS.sleep(RETRY_MS);
        }
    }

    /** All or none. */
    private void lock() {
        final Deque<AutoCloseable> locks = new ArrayDeque<>();
        final List<DeviceLock> taken = new ArrayList<>();
        boolean isTaken = false;
        try {
            for (final String name : deviceNames) {
                final DeviceLock lock = DeviceLock.take(options.runDirectory, name);
                locks.push(lock);
                taken.add(lock);
            }
            isTaken = true;
        } finally {
            if (!isTaken) {
                TakeDown.all(locks);
            }
        }
        undo.addAll(locks);
        deviceLocks.addAll(taken);
    }

    /**
     * Takes locks again whose files somebody removed. Returns whether there were any.
     *
     * @throws StartupException when another daemon has one by now, or it cannot be made.
     */
    public boolean putBackLocks() throws IOException {
        boolean isPutBack = false;
        for (final DeviceLock lock : deviceLocks) {
            isPutBack |= lock.putBack();
        }
        return isPutBack;
    }

    /** What this daemon is, for the one that comes after it. */
    public Description description() {
        return own;
    }

    @Override
    public void close() {
        TakeDown.all(undo);
    }
}
