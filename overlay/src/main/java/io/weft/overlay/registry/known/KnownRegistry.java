/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.known;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.host.ProcessLimits;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.NotYetException;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.NodeRequest;
import io.weft.overlay.registry.PublicAddresses;
import io.weft.overlay.registry.Registry;
import io.weft.overlay.registry.RegistryException;
import io.weft.overlay.registry.RegistryStatus;
import java.net.InetAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A registry whose leases are kept on disk, and that answers from there when it does not answer itself: a node that starts while
 * its registry is away forwards by what it knew. As soon as the registry answers, that counts; when it says something else of the
 * network or of this node, the node is set up anew.
 */
public final class KnownRegistry implements Registry {
    private static final System.Logger LOG = System.getLogger(KnownRegistry.class.getName());
    /** What a registry that is well needs less than, and a node without its pods' packets can spare. */
    private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(1);

    /** Of a question that is not waited for any more: it may have something to give back. */
    private static final long GIVE_BACK_MS = 3_000;

    private static final long LOOK_NS = TimeUnit.MILLISECONDS.toNanos(10);

    private final Registry registry;
    private final KnownLeasesFile file;
    /** What may be used; null when there is nothing, or it does not fit. */
    private @Nullable KnownLeases known;
    /**
     * The same, when the registry has said in time that network and own lease are what they were: the others stand until it has listed
     * them, which may come to nothing for long. Null when it has not.
     */
    private @Nullable KnownLeases confirmed;
    /** The network configuration is the known one, since the registry has not said any. */
    private boolean isConfigKnown;

    private @Nullable FutureTask<NetworkConfig> configAsked;
    private @Nullable FutureTask<Lease> leaseAsked;
    private @Nullable NetworkConfig config;
    private PublicAddresses written = PublicAddresses.NONE;
    private @Nullable NodeRequest request;
    private @Nullable Lease own;
    /** Of the control thread. */
    private final List<Thread> askers = new ArrayList<>();

    /** Of the registry, until it was asked last. */
    private long failuresBefore;

    private @Nullable LeaseKeeper keeper;
    // Guarded by this.
    private boolean isClosed;
    private boolean isNodeReady;
    private boolean isWatching;

    /**
     * A registry with a file beside it.
     *
     * @param registry that is asked; closed with this.
     * @param file of this daemon and that registry.
     */
    public KnownRegistry(final Registry registry, final KnownLeasesFile file) {
        this.registry = registry;
        this.file = file;
    }

    @Override
    public NetworkConfig config() throws InterruptedException {
        final NetworkConfig told = askConfig();
        config = told;
        return told;
    }

    private NetworkConfig askConfig() throws InterruptedException {
        known = file.read(System.currentTimeMillis());
        final KnownLeases before = known;
        confirmed = null;
        if (null == before) {
            return registry.config();
        }
        final FutureTask<NetworkConfig> asked = ask(registry::config);
        configAsked = asked;
        if (isAnswered(asked)) {
            final NetworkConfig answer = answer(asked);
            if (!answer.equals(before.config())) {
                known = null;
            }
            return answer;
        }
        isConfigKnown = true;
        return before.config();
    }

    @Override
    public PublicAddresses publicAddresses() throws InterruptedException {
        final KnownLeases before = known;
        final FutureTask<PublicAddresses> asked =
                null == before || isConfigKnown ? null : ask(registry::publicAddresses);
        if (null == before) {
            written = registry.publicAddresses();
        } else {
            written = null != asked && isWaitedFor(asked) ? answer(asked) : before.written();
        }
        return written;
    }

    @Override
    public Lease acquire(final NodeRequest nodeRequest) throws InterruptedException {
        request = nodeRequest;
        final Lease told = askLease(nodeRequest);
        own = told;
        return told;
    }

    private Lease askLease(final NodeRequest nodeRequest) throws InterruptedException {
        final KnownLeases before = known;
        if (null == before) {
            return registry.acquire(nodeRequest);
        }
        final String misfit = before.misfit(nodeRequest);
        if (null != misfit) {
            LOG.log(INFO, "the leases known before are not used: {0}", misfit);
            known = null;
            requireConfig();
            return registry.acquire(nodeRequest);
        }
        if (!isConfigKnown) {
            final FutureTask<Lease> asked = ask(() -> registry.acquire(before.insist(nodeRequest)));
            leaseAsked = asked;
            if (isWaitedFor(asked)) {
                known = null;
                final Lease told = answer(asked);
                confirmed = told.equals(before.own()) ? before : null;
                return told;
            }
        }
        LOG.log(
                WARNING,
                "{0} does not answer in time ({1}): this node begins with the {2} leases that it knew at {3}, revision {4}{5}",
                registry.kind(),
                loss(),
                String.valueOf(before.leases().size()),
                Instant.ofEpochMilli(before.confirmedMs()),
                before.revision(),
                LogFields.of(
                        "registry", registry.kind(), "leases", before.leases().size(), "revision", before.revision()));
        return before.own();
    }

    /** Why there is no answer; one that has answered before, and not to what is asked now, has no reason to tell. */
    private String loss() {
        return Objects.requireNonNullElse(registry.status().loss(), "it is slow");
    }

    /** Waits for the registry's own configuration, where the known one was told. */
    private void requireConfig() throws InterruptedException {
        final FutureTask<NetworkConfig> asked = configAsked;
        if (isConfigKnown && null != asked && !answer(asked).equals(config)) {
            file.delete();
            throw new NotYetException("the network configuration has changed since this node last ran");
        }
        isConfigKnown = false;
    }

    @Override
    public void watch(final LeaseListener listener) {
        final NodeRequest asked = Objects.requireNonNull(request, "acquire() comes first");
        final Lease acquired = Objects.requireNonNull(own, "acquire() comes first");
        final LeaseKeeper kept = new LeaseKeeper(
                        file,
                        listener,
                        registry.status(),
                        Objects.requireNonNull(config, "config() comes first"),
                        asked,
                        written,
                        acquired)
                .start();
        keeper = kept;
        final KnownLeases before = known;
        if (null == before) {
            if (null != confirmed) {
                listener.onSnapshot(List.copyOf(confirmed.leases()));
            }
            begin(kept);
            return;
        }
        listener.onSnapshot(List.copyOf(before.leases()));
        start(() -> followWhenPossible(before, asked, kept));
    }

    /** Packets go on, however long there is no thread to ask with. */
    private void followWhenPossible(final KnownLeases before, final NodeRequest asked, final LeaseKeeper kept) {
        boolean isFollowed = false;
        while (!isFollowed && !Thread.currentThread().isInterrupted()) {
            try {
                follow(before, asked, kept);
                isFollowed = true;
            } catch (final OutOfMemoryError noThread) {
                ProcessLimits.requireOfThreads(noThread);
                final String cause = "no thread can be started to follow " + registry.kind() + ": allow weftd more "
                        + ProcessLimits.MORE_THREADS;
                if (!cause.equals(registry.status().loss())) {
                    LOG.log(WARNING, cause + LogFields.of("registry", registry.kind()));
                }
                registry.status().failure(cause);
                LockSupport.parkNanos(PATIENCE_NS);
            }
        }
    }

    /** Waits for the registry, and goes on with what it says. */
    private void follow(final KnownLeases before, final NodeRequest asked, final LeaseKeeper kept) {
        try {
            final FutureTask<NetworkConfig> configAnswer = configAsked;
            final NetworkConfig now = null == configAnswer ? before.config() : answer(configAnswer);
            if (!now.equals(before.config())) {
                kept.onRestartNeeded("the network configuration has changed since this node last ran");
                return;
            }
            final Lease lease = leaseOf(before, asked);
            if (null == lease) {
                kept.onRestartNeeded("the lease known before does not count: " + loss());
                return;
            }
            if (!lease.equals(before.own())) {
                kept.onRestartNeeded("the own lease is " + lease + " now, was " + before.own());
                return;
            }
            if (isWrittenAnew()) {
                kept.onRestartNeeded(
                        "an administrator has changed the public address of this node since this node last ran");
                return;
            }
            begin(kept);
        } catch (final RegistryException refused) {
            kept.onRestartNeeded(String.valueOf(refused.getMessage()));
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    /** The lease by the registry's answer, which is waited for; null as soon as it says that this node has none. */
    private @Nullable Lease leaseOf(final KnownLeases before, final NodeRequest asked) throws InterruptedException {
        final FutureTask<Lease> begun = leaseAsked;
        if (null != begun) {
            return leaseOf(begun);
        }
        final FutureTask<Lease> leaseAnswer = new FutureTask<>(() -> registry.acquire(before.insist(asked)));
        final Thread asker = thread(leaseAnswer);
        asker.start();
        try {
            return leaseOf(leaseAnswer);
        } finally {
            asker.join(GIVE_BACK_MS); // close() waits for this thread, which is not the asker
        }
    }

    private @Nullable Lease leaseOf(final FutureTask<Lease> leaseAnswer) throws InterruptedException {
        try {
            return isKeptUntil(leaseAnswer) ? answer(leaseAnswer) : null;
        } finally {
            leaseAnswer.cancel(true); // if it is asked for still
        }
    }

    private boolean isWrittenAnew() throws InterruptedException {
        try {
            return !registry.publicAddresses().equals(written);
        } catch (final RegistryException wrong) {
            return false; // the node goes on as it is, until that is an address
        }
    }

    private synchronized void begin(final LeaseListener listener) {
        if (isClosed) {
            return;
        }
        registry.watch(listener);
        isWatching = true;
        if (isNodeReady) {
            registry.nodeReady();
        }
    }

    private <T> FutureTask<T> ask(final Callable<T> question) {
        failuresBefore = registry.status().failures();
        final FutureTask<T> asked = new FutureTask<>(question);
        start(asked);
        return asked;
    }

    private void start(final Runnable task) {
        final Thread thread = thread(task);
        askers.add(thread);
        thread.start();
    }

    private static Thread thread(final Runnable task) {
        final Thread thread = new Thread(task, "weft-registry-first");
        thread.setDaemon(true);
        return thread;
    }

    /** Whether the answer comes before patience ends: at the first failure, or after a while. */
    private boolean isAnswered(final FutureTask<?> asked) throws InterruptedException {
        final long startNs = System.nanoTime();
        while (failuresBefore == registry.status().failures() && System.nanoTime() - startNs < PATIENCE_NS) {
            if (endsWithin(asked, LOOK_NS)) {
                return true;
            }
        }
        return asked.isDone();
    }

    private static boolean endsWithin(final FutureTask<?> asked, final long timeoutNs) throws InterruptedException {
        try {
            asked.get(timeoutNs, TimeUnit.NANOSECONDS);
            return true;
        } catch (final ExecutionException failure) {
            return true; // which is an answer as well
        } catch (final TimeoutException notYet) {
            return false;
        }
    }

    /** Whether it is answered in time, or has to be waited for: a registry that says it has no lease for this node is not away. */
    private boolean isWaitedFor(final FutureTask<?> asked) throws InterruptedException {
        return isAnswered(asked) || registry.status().isLeaseGone();
    }

    /** Waits for the registry's answer; false as soon as it says that this node has no lease. */
    private boolean isKeptUntil(final FutureTask<?> asked) throws InterruptedException {
        while (!registry.status().isLeaseGone()) {
            if (endsWithin(asked, PATIENCE_NS)) {
                return true;
            }
        }
        return false;
    }

    private static <T> T answer(final FutureTask<T> asked) throws InterruptedException {
        try {
            return asked.get();
        } catch (final ExecutionException failure) {
            final Throwable cause = failure.getCause();
            if (cause instanceof final RuntimeException refused) {
                throw refused;
            }
            if (cause instanceof InterruptedException) {
                throw new InterruptedException("closed");
            }
            throw new IllegalStateException(cause);
        }
    }

    @Override
    public String kind() {
        return registry.kind();
    }

    @Override
    public boolean ownsMac() {
        return registry.ownsMac();
    }

    @Override
    public RegistryStatus status() {
        return registry.status();
    }

    @Override
    public Set<InetAddress> addresses() {
        return registry.addresses();
    }

    @Override
    public synchronized void nodeReady() {
        isNodeReady = true;
        if (isWatching) {
            registry.nodeReady();
        }
    }

    @Override
    public void nodeTroubles(final String troubles) {
        registry.nodeTroubles(troubles);
    }

    @Override
    public void nodeFailed(final String cause) throws InterruptedException {
        registry.nodeFailed(cause);
    }

    @Override
    public void close() {
        synchronized (this) { // so that nobody begins to follow meanwhile
            isClosed = true;
            registry.close();
        }
        final LeaseKeeper open = keeper;
        if (null != open) {
            open.close();
        }
        askers.forEach(Thread::interrupt);
        try {
            for (final Thread asker : askers) {
                asker.join(GIVE_BACK_MS);
            }
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }
}
