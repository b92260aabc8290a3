/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;
import static java.nio.file.StandardWatchEventKinds.ENTRY_CREATE;
import static java.nio.file.StandardWatchEventKinds.ENTRY_DELETE;
import static java.nio.file.StandardWatchEventKinds.ENTRY_MODIFY;

import io.weft.address.IpAddress;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.LogFields;
import java.io.IOException;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.Path;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Leases in a file, the embedded default. The file's directory is watched, so that a file replaced by rename (the way to
 * change it while weftd runs) is seen as well as one written in place. A file that is broken changes nothing.
 */
public final class FileRegistry implements Registry {
    private static final System.Logger LOG = System.getLogger(FileRegistry.class.getName());
    /** A file written in place comes in several events; it is read when it has been quiet for so long. */
    private static final long QUIET_NS = TimeUnit.MILLISECONDS.toNanos(20);
    /**
     * The file is compared this often also without an event, for its directory may itself have been replaced, or it is a symlink; and
     * while the events have no end.
     */
    private static final long COMPARE_NS = TimeUnit.SECONDS.toNanos(1);

    /** More than what {@link Registry#LEASES_MAX} leases of both families take. */
    private static final int LENGTH_MAX = 8 << 20;

    private final Path file;
    private final long quietNs;
    private final RegistryStatus status = new RegistryStatus();
    private final RereadFile text;

    /** Whether the text was fit for use. */
    private boolean isTextUsed;

    private @Nullable RegistryFile contents;
    private @Nullable NodeRequest request;
    private @Nullable WatchService watchService;
    private final CountDownLatch closed = new CountDownLatch(1);

    /**
     * A registry that is read at {@link #config}.
     *
     * @param file the path of the JSON file.
     */
    public FileRegistry(final Path file) {
        this(file, QUIET_NS);
    }

    /**
     * The same.
     *
     * @param quietNs how long the file has to be quiet before it is read.
     */
    FileRegistry(final Path file, final long quietNs) {
        this.file = file.toAbsolutePath();
        text = new RereadFile(this.file, LENGTH_MAX);
        this.quietNs = quietNs;
    }

    @Override
    public String kind() {
        return "file";
    }

    @Override
    public boolean ownsMac() {
        return false;
    }

    @Override
    public RegistryStatus status() {
        return status;
    }

    @Override
    public NetworkConfig config() {
        try {
            text.read();
            final RegistryFile read = RegistryFile.read(text.text(), text.length(), file.toString());
            contents = read;
            isTextUsed = true;
            status.contact();
            return read.config();
        } catch (final IOException failure) {
            throw new RegistryException(unreadable(failure), failure);
        } catch (final JsonException failure) {
            throw new RegistryException(String.valueOf(failure.getMessage()), failure);
        }
    }

    @Override
    public Lease acquire(final NodeRequest nodeRequest) {
        request = nodeRequest;
        return own(contentsInUse().leases(), nodeRequest);
    }

    @Override
    public void watch(final LeaseListener listener) {
        listener.onSnapshot(contentsInUse().leases().toList());
        final WatchService service = open();
        watchService = service;
        final Thread thread = new Thread(() -> follow(service, listener), "weft-registry");
        thread.setDaemon(true);
        thread.start();
    }

    /** Null where the host has no watch left: the file is compared now and then in any case. */
    private @Nullable WatchService open() {
        try {
            return file.getFileSystem().newWatchService();
        } catch (final IOException failure) {
            LOG.log(
                    WARNING,
                    "watch {0}: {1}. Raise fs.inotify.max_user_instances; until weftd starts again the file is compared every"
                            + " second{2}",
                    file,
                    failure.getMessage(),
                    LogFields.of("registry", "file", "file", file));
            return null;
        }
    }

    @Override
    public void close() {
        closed.countDown();
        final WatchService service = watchService;
        if (null != service) {
            try {
                service.close();
            } catch (final IOException failure) {
                LOG.log(
                        ERROR,
                        "close the watch of {0}: {1}{2}",
                        file,
                        failure.getMessage(),
                        LogFields.of("registry", "file", "file", file));
            }
        }
    }

    private RegistryFile contentsInUse() {
        return Objects.requireNonNull(contents, "config() comes first");
    }

    private Lease own(final Stream<Lease> leases, final NodeRequest nodeRequest) {
        final List<Lease> own =
                leases.filter(lease -> nodeRequest.owns(lease.attributes())).toList();
        if (own.isEmpty()) {
            throw new RegistryException(file + ": no lease has a PublicIP of this node ("
                    + nodeRequest.ownAddresses().stream()
                            .map(IpAddress::of)
                            .map(IpAddress::toString)
                            .collect(Collectors.joining(", "))
                    + "): add one, or name the address that has one by --public-ip");
        }
        if (own.size() > 1) {
            throw new RegistryException(file + ": leases " + own.get(0).key() + " and "
                    + own.get(1).key() + " both have a PublicIP of this node: name the one to use by --public-ip");
        }
        return own.get(0);
    }

    private void follow(final @Nullable WatchService service, final LeaseListener listener) {
        try {
            if (null == service) {
                do {
                    compare(listener);
                } while (!closed.await(COMPARE_NS, TimeUnit.NANOSECONDS));
                return;
            }
            WatchKey key = null;
            while (true) {
                if (null == key || !key.isValid()) {
                    key = register(service);
                }
                compare(listener);
                awaitChange(service);
            }
        } catch (final ClosedWatchServiceException | InterruptedException stop) {
            Thread.currentThread().interrupt(); // close() ends this thread so
        }
    }

    /** Waits until the file has changed and is quiet since; not beyond the time of the next comparison. */
    private void awaitChange(final WatchService service) throws InterruptedException {
        final long latestNs = System.nanoTime() + COMPARE_NS;
        long leftNs = COMPARE_NS;
        long dueNs = latestNs;
        while (leftNs > 0) {
            final WatchKey signalled = service.poll(leftNs, TimeUnit.NANOSECONDS);
            if (null != signalled) {
                if (signalled.pollEvents().stream().anyMatch(this::isOfFile)) {
                    final long nowNs = System.nanoTime();
                    dueNs = nowNs + Math.min(quietNs, latestNs - nowNs);
                }
                if (!signalled.reset()) {
                    return; // the directory is gone
                }
            }
            leftNs = dueNs - System.nanoTime();
        }
    }

    /** Whether an event is of the file, or may be: of more than it remembers the kernel tells without a name. */
    private boolean isOfFile(final WatchEvent<?> event) {
        return null == event.context() || event.context().equals(file.getFileName());
    }

    /** Registers the directory, or returns null: then the next comparison, which needs no event, tries again. */
    private @Nullable WatchKey register(final WatchService service) {
        final Path directory = Objects.requireNonNull(file.getParent());
        try {
            return directory.register(service, ENTRY_CREATE, ENTRY_MODIFY, ENTRY_DELETE);
        } catch (final IOException failure) {
            return null;
        }
    }

    private void compare(final LeaseListener listener) {
        try {
            if (text.read()) {
                isTextUsed = false;
                take(listener);
                isTextUsed = true;
            }
            if (isTextUsed) {
                status.contact();
            }
        } catch (final IOException failure) {
            report(unreadable(failure));
        } catch (final JsonException | RegistryException failure) {
            status.refusal();
            report(String.valueOf(failure.getMessage()));
        } catch (final RuntimeException defect) {
            // The thread must not end of it: nobody would follow the leases any more, and nobody would notice.
            LOG.log(DEBUG, "the cause", defect);
            report(String.valueOf(defect));
        }
    }

    private void report(final String cause) {
        if (!cause.equals(status.trouble())) {
            LOG.log(
                    ERROR,
                    "{0}. The leases stay as they were before{1}",
                    cause,
                    LogFields.of("registry", "file", "file", file));
        }
        status.failure(cause);
    }

    private void take(final LeaseListener listener) {
        final RegistryFile used = contentsInUse();
        final RegistryFile.@Nullable Change change = used.reread(text.text(), text.length(), file.toString());
        if (null == change) {
            final RegistryFile anew = RegistryFile.read(text.text(), text.length(), file.toString());
            own(anew.leases(), requestInUse());
            contents = anew;
            status.event();
            listener.onRestartNeeded(file + ": the network configuration has changed");
            return;
        }
        final Lease ownNow = own(change.leases(), requestInUse());
        final Lease ownBefore = own(used.leases(), requestInUse());
        used.accept(change);
        status.event();
        if (ownNow.equals(ownBefore)) {
            tell(change, used.size(), listener);
        } else {
            listener.onRestartNeeded(file + ": the own lease has changed from " + ownBefore + " to " + ownNow);
        }
    }

    private NodeRequest requestInUse() {
        return Objects.requireNonNull(request, "acquire() comes first");
    }

    /** Tells what is gone before what is new, for a new lease may have the subnet of one that is gone. */
    private void tell(final RegistryFile.Change change, final int leases, final LeaseListener listener) {
        final List<LeaseKey> gone = change.gone();
        final List<Lease> changed = change.changed();
        gone.forEach(listener::onRemove);
        changed.forEach(listener::onPut);
        LOG.log(
                INFO,
                "{0}: {1} leases, {2} of them new or changed, {3} gone{4}",
                file,
                String.valueOf(leases),
                String.valueOf(changed.size()),
                String.valueOf(gone.size()),
                LogFields.of("file", file, "leases", leases, "changed", changed.size(), "gone", gone.size()));
    }

    private String unreadable(final IOException failure) {
        return "read registry file " + file + ": " + failure.getMessage();
    }
}
