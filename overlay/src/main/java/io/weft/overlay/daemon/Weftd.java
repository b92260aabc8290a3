/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.daemon;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.Descriptors;
import io.weft.linux.KernelFeatures;
import io.weft.linux.LinuxException;
import io.weft.linux.SystemCalls;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.handover.DescriptorStore;
import io.weft.overlay.handover.Identity;
import io.weft.overlay.handover.Predecessor;
import io.weft.overlay.handover.Tenure;
import io.weft.overlay.host.PodPortChoice;
import io.weft.overlay.host.Privileges;
import io.weft.overlay.host.ProcessLimits;
import io.weft.overlay.host.UnderlayCheck;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.NotYetException;
import io.weft.overlay.lifecycle.PlaceFreeException;
import io.weft.overlay.lifecycle.PlaceTakenException;
import io.weft.overlay.lifecycle.ServiceManager;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.lifecycle.ThreadWatch;
import io.weft.overlay.node.OverlayNode;
import io.weft.overlay.ops.HealthServer;
import io.weft.overlay.ops.ListeningPort;
import io.weft.overlay.options.FlanneldOptions;
import io.weft.overlay.options.Version;
import io.weft.overlay.options.WeftOptions;
import io.weft.overlay.options.WeftdCommandLine;
import io.weft.overlay.options.WeftdOptions;
import io.weft.overlay.page.StatusPage;
import io.weft.overlay.record.StartRecord;
import io.weft.overlay.registry.FileRegistry;
import io.weft.overlay.registry.Registry;
import io.weft.overlay.registry.RegistryException;
import io.weft.overlay.registry.etcd.EtcdRegistry;
import io.weft.overlay.registry.known.KnownLeasesFile;
import io.weft.overlay.registry.known.KnownRegistry;
import io.weft.overlay.registry.kube.KubeRegistry;
import io.weft.overlay.registry.kube.access.KubeAccess;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.agrona.concurrent.SystemNanoClock;
import org.jspecify.annotations.Nullable;

/**
 * The daemon: one node after the other until it is told to stop, for a node whose lease or network changes is taken down
 * and set up anew. One that cannot be set up anew is tried again, for it may be the underlay that comes and goes. The thread
 * that calls {@link #run} becomes the control thread.
 */
final class Weftd {
    private static final System.Logger LOG = System.getLogger(Weftd.class.getName());
    private static final String STOPPED = "told to stop";
    private static final long RETRY_MS = 1_000;

    private final WeftdOptions options;
    /** The lease of the last node that was ready. */
    private @Nullable Lease former;
    /** Nodes that were ready and had to be taken down. */
    private int takenDown;

    private String trouble = "";
    /** Another daemon waits for this one to end. */
    private boolean isReplaced;

    private boolean isKernelTold;

    private volatile boolean isStopping;
    private volatile @Nullable OverlayNode current;

    Weftd(final WeftdOptions options) {
        this.options = options;
    }

    /**
     * Runs until SIGTERM or SIGINT, or until another has taken its place.
     *
     * @return the exit code.
     * @throws StartupException when the node cannot be set up, or cannot go on.
     */
    int run() {
        Thread.setDefaultUncaughtExceptionHandler(Weftd::end);
        final Thread control = Thread.currentThread();
        final CountDownLatch takenDown = new CountDownLatch(1);
        final Thread hook = new Thread(() -> stop(control, takenDown), "weft-stop");
        Runtime.getRuntime().addShutdownHook(hook);
        try (StartRecord start = startRecord(options)) {
            return runOnRecord(start);
        } finally {
            takenDown.countDown();
            if (!isStopping) {
                Runtime.getRuntime().removeShutdownHook(hook);
            }
        }
    }

    /** What this process has on record while no node of it forwards. */
    static StartRecord startRecord(final WeftdOptions options) {
        final WeftOptions weft = options.weft();
        final @Nullable Path subnetFile = options.flanneld().subnetFile; // an empty option makes it null
        return StartRecord.open(
                weft.runDirectory,
                new StartRecord.Purpose(
                        Identity.of(weft.identity, System.getenv()).service(),
                        weft.deviceName,
                        options.registryPlace(),
                        null == subnetFile
                                ? ""
                                : subnetFile.toAbsolutePath().normalize().toString()),
                Version.text());
    }

    private int runOnRecord(final StartRecord start) {
        try {
            return runNodes(start);
        } catch (final PlaceTakenException wanted) {
            throw wanted;
        } catch (final RegistryException | LinuxException | StartupException failure) {
            if (isStopping) { // mostly by the interrupt, which closes a file that is being written
                LOG.log(INFO, "{0} while the node was being set up: {1}", STOPPED, failure.getMessage());
                return 0;
            }
            LOG.log(DEBUG, "the cause", failure);
            final String cause = String.valueOf(failure.getMessage());
            start.gaveUp(cause);
            throw failure instanceof StartupException ? failure : new StartupException(cause, failure);
        } catch (final OutOfMemoryError error) {
            if (!ProcessLimits.isOfThreads(error)) {
                throw error;
            }
            final StartupException failure =
                    ProcessLimits.noThread(error, options.weft().workers());
            start.gaveUp(String.valueOf(failure.getMessage()));
            throw failure;
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
            return 0;
        }
    }

    private int runNodes(final StartRecord start) throws InterruptedException {
        Privileges.requireNetAdmin();
        ProcessLimits.requireOpenFiles(options.weft().workers());
        Privileges.tellWhatIsTooMuch();
        LOG.log(INFO, "{0}", PodPortChoice.of(options.weft().podPort));
        try (ThreadWatch watch = ThreadWatch.start(this::dutyCycles);
                ServiceManager serviceManager = ServiceManager.start(
                        System.getenv(), () -> watch.trouble().isEmpty());
                ListeningPort health = healthPort(watch);
                ListeningPort statusPage = statusPage();
                Rtnetlink rtnetlink = Rtnetlink.open()) {
            final UnderlayCheck underlay = new UnderlayCheck(rtnetlink, SystemNanoClock.INSTANCE);
            openIfFree(health);
            openIfFree(statusPage);
            final Map<String, String> environment = System.getenv();
            final Tenure tenure = new Tenure(
                    Identity.of(options.weft().identity, environment),
                    health,
                    statusPage,
                    serviceManager,
                    watch,
                    start,
                    new DescriptorStore(environment),
                    Descriptors.inherited(environment));
            while (!isStopping && !isReplaced) {
                runOrRetry(rtnetlink, underlay, tenure);
            }
            return isReplaced ? WeftdCommandLine.EXIT_HANDED_OVER : 0;
        }
    }

    /**
     * What costs speed alone is no reason to end, nor is it that it could not be tried. Trying makes devices and deletes them, which
     * takes longer than much of a start, so packets do not wait for it.
     */
    private void tellWhatTheKernelLacksOnce() {
        if (isKernelTold) {
            return;
        }
        isKernelTold = true;
        try {
            final KernelFeatures kernel = KernelFeatures.probe();
            final List<String> missing = kernel.missing();
            LOG.log(
                    INFO,
                    "Linux {0} lacks {1}{2}",
                    kernel.version(),
                    missing.isEmpty()
                            ? "nothing that weft makes use of"
                            : String.join("; ", missing) + ". What weft does without is in docs/performance.md",
                    LogFields.of("kernel", kernel.version()));
        } catch (final LinuxException | UncheckedIOException failure) {
            LOG.log(
                    WARNING,
                    "find out what the kernel lacks: {0}. Nothing but this line depends on it",
                    failure.getMessage());
        }
    }

    private void runOrRetry(final Rtnetlink rtnetlink, final UnderlayCheck underlay, final Tenure tenure)
            throws InterruptedException {
        try {
            final String reason = runNode(rtnetlink, underlay, tenure);
            LOG.log(INFO, "the node is taken down: {0}{1}", reason, LogFields.of("reason", reason));
        } catch (final PlaceFreeException freed) {
            LOG.log(INFO, "{0}: this one starts as if none had run", freed.getMessage());
            tenure.placeIsFreed();
        } catch (final RegistryException | LinuxException | StartupException failure) {
            if (null == former && !(failure instanceof NotYetException)) {
                throw failure;
            }
            // What worked before may work again: an address that the next renewal brings, a file that is being edited.
            final String cause = String.valueOf(failure.getMessage());
            if (!cause.equals(trouble)) {
                LOG.log(ERROR, "{0}. Trying again every second", cause);
                trouble = cause;
            }
            TimeUnit.MILLISECONDS.sleep(RETRY_MS);
        }
    }

    private String runNode(final Rtnetlink rtnetlink, final UnderlayCheck underlay, final Tenure tenure)
            throws InterruptedException {
        try (Registry registry = registry();
                OverlayNode node = start(registry, rtnetlink, underlay, tenure)) {
            current = node;
            String reason = "";
            try {
                reason = node.run(this::tellWhatTheKernelLacksOnce);
                return reason;
            } catch (final RegistryException | LinuxException | StartupException failure) {
                if (!node.isReady()) {
                    tellFailure(registry, tenure, failure);
                }
                throw failure;
            } finally {
                isReplaced = node.isReplaced();
                if (node.isReady()) {
                    former = node.ownLease();
                    tenure.nodeWasReady(reason);
                    takenDown++;
                    trouble = "";
                }
            }
        } catch (final InterruptedException stop) {
            if (isStopping) {
                return STOPPED;
            }
            throw stop;
        } finally {
            current = null;
        }
    }

    private OverlayNode start(
            final Registry registry, final Rtnetlink rtnetlink, final UnderlayCheck underlay, final Tenure tenure)
            throws InterruptedException {
        tenure.start().begin(registry.status(), registry.kind());
        try {
            return OverlayNode.start(options, registry, rtnetlink, underlay, tenure, former, takenDown);
        } catch (final RegistryException | LinuxException | StartupException failure) {
            tellFailure(registry, tenure, failure);
            throw failure;
        }
    }

    /** Why a node cannot be set up is told where the registry can tell it. */
    private void tellFailure(final Registry registry, final Tenure tenure, final RuntimeException failure)
            throws InterruptedException {
        final String cause = String.valueOf(failure.getMessage());
        if (!(failure instanceof PlaceTakenException || failure instanceof PlaceFreeException)
                && !cause.equals(trouble)) {
            registry.nodeFailed("weftd cannot set this node up: " + cause);
        }
        tenure.start().failed(cause);
    }

    /** While there is no node, nothing can stand still. */
    private Map<String, Long> dutyCycles() {
        final OverlayNode node = current;
        return null == node ? Map.of() : node.dutyCycles();
    }

    private ListeningPort healthPort(final ThreadWatch watch) {
        final FlanneldOptions flanneld = options.flanneld();
        final Supplier<String> unready = () -> {
            final OverlayNode node = current;
            return null != node && node.isReady() ? node.troubles() : "flanneld is not ready yet";
        };
        final Supplier<String> metrics = () -> {
            final OverlayNode node = current;
            return null == node ? "" : node.metrics();
        };
        return new ListeningPort(
                0 == flanneld.healthzPort ? "" : flanneld.healthzIp() + ' ' + flanneld.healthzPort,
                () -> HealthServer.start(flanneld.healthzIp(), flanneld.healthzPort, watch::trouble, unready, metrics));
    }

    private ListeningPort statusPage() {
        final InetSocketAddress address = options.weft().statusPage();
        return null == address
                ? new ListeningPort("", () -> () -> {})
                : new ListeningPort(address.toString(), () -> StatusPage.start(address, options.weft().runDirectory));
    }

    /** A daemon whose place this one is to take may have the port until then. */
    private void openIfFree(final ListeningPort port) {
        try {
            port.open();
        } catch (final StartupException taken) {
            if (!Predecessor.isAnyThere(options.weft().runDirectory)) {
                throw taken;
            }
        }
    }

    private Registry registry() {
        return switch (options.registryKind()) {
            case FILE -> new FileRegistry(options.registryFile());
            case ETCD ->
                known(
                        new EtcdRegistry(etcdSettings(options.flanneld())),
                        options.flanneld().etcdEndpoints + ' ' + options.flanneld().etcdPrefix,
                        true);
            case KUBE -> kubeRegistry(options.flanneld());
        };
    }

    /** A file serves the daemon of one registry and run directory, and of one device name. */
    private Registry known(final Registry registry, final String place, final boolean allocates) {
        final WeftOptions weft = options.weft();
        final String daemon = registry.kind() + ' ' + place + ", device " + weft.deviceName + ", run directory "
                + weft.runDirectory.toAbsolutePath().normalize();
        return new KnownRegistry(registry, new KnownLeasesFile(weft.stateDirectory, daemon, allocates));
    }

    private Registry kubeRegistry(final FlanneldOptions flanneld) {
        final KubeAccess access = KubeAccess.of(flanneld.kubeconfigFile, flanneld.kubeApiUrl, System.getenv());
        return known(
                new KubeRegistry(new KubeRegistry.Settings(
                        access,
                        flanneld.kubeAnnotationPrefix,
                        flanneld.netConfigPath,
                        flanneld.setNodeNetworkUnavailable,
                        System.getenv())),
                access.server() + " " + flanneld.kubeAnnotationPrefix + " node "
                        + System.getenv().getOrDefault("NODE_NAME", ""),
                false);
    }

    private static EtcdRegistry.Settings etcdSettings(final FlanneldOptions flanneld) {
        return new EtcdRegistry.Settings(
                flanneld.etcdEndpoints,
                flanneld.etcdCaFile,
                flanneld.etcdCertFile,
                flanneld.etcdKeyFile,
                flanneld.etcdUsername,
                flanneld.etcdPassword,
                flanneld.etcdPrefix,
                TimeUnit.MINUTES.toSeconds(flanneld.subnetLeaseRenewMarginMinutes));
    }

    /**
     * A thread of the daemon has ended, so the daemon does: a supervisor that starts it anew is better than one part that is
     * missing for good. The kernel takes TUN devices away, and the next start a veth pair that is left; nothing is handed over in
     * an orderly way, for nobody knows what else is broken.
     */
    private static void end(final Thread thread, final Throwable failure) {
        LOG.log(
                ERROR,
                "thread " + thread.getName() + " has ended, and weftd with it, to be started anew"
                        + LogFields.of("thread", thread.getName()),
                failure);
        SystemCalls.exit(WeftdCommandLine.EXIT_FAILURE);
    }

    /** Runs in the JVM's shutdown: leaves all to the next process, or interrupts the control thread
     * and waits until it has taken everything down. */
    private void stop(final Thread control, final CountDownLatch takenDown) {
        isStopping = true;
        final OverlayNode node = current;
        try {
            if (null == node || !node.leave()) {
                if (null != node) {
                    node.endWithProcess();
                }
                control.interrupt();
                takenDown.await();
            }
        } catch (final InterruptedException interrupted) {
            LOG.log(WARNING, "interrupted before all was taken down");
            Thread.currentThread().interrupt();
        }
        StderrLoggerFinder.tellRepeated();
        // The JVM would end with 128 + the signal's number; flanneld ends with 0, and supervisors rely on it.
        SystemCalls.exit(0);
    }
}
