/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.host.OwnDirectory;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lifecycle.FileFailure;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.lifecycle.TakeDown;
import io.weft.overlay.registry.RegistryStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a daemon has on record while no node of it forwards: that it lives, and what it waits for; or, once its process has ended, why its
 * start failed, until a start succeeds. Each process has a file of its own, since which device is whose is only known later. A thread of
 * its own writes it, since what waits is the control thread, which has all else here called. A start that succeeds within a second
 * leaves nothing.
 */
public final class StartRecord implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(StartRecord.class.getName());
    private static final long INTERVAL_MS = 1_000;
    private static final long END_PATIENCE_MS = 5_000;
    private static final String PREFIX = "weftd-";
    /** Of starts that came to an end; of more, the oldest go. */
    static final int LEFT_MAX = 16;

    /** Only a record of a start has this: what was tried and is tried again, or what it ended with. */
    private static final String FAILURE = "failure";

    private static final String FAILED_MS = "failedMs";
    private static final String PLACE_ASKED = "placeAsked";
    private static final String SUBNET_FILE = "subnetFile";

    /**
     * By what one start of a daemon is known to be the next of another.
     *
     * @param service that it is started as; may be empty.
     * @param deviceName asked for; may be empty.
     * @param registry where its leases are kept.
     * @param subnetFile that it describes the node in, an absolute path: of those that run on a host each has its own; may be empty.
     */
    public record Purpose(String service, String deviceName, String registry, String subnetFile) {
        private Map<String, Object> description() {
            final Map<String, Object> description = new LinkedHashMap<>();
            description.put("service", service);
            description.put("askedDevice", deviceName);
            description.put(
                    "registryId", Integer.toHexString(registry.hashCode())); // no place for what a URL may have in it
            description.put(SUBNET_FILE, subnetFile);
            return description;
        }
    }

    private final Path runDirectory;
    private final Purpose purpose;
    private final String version;
    private final ProcessIdentity process = ProcessIdentity.own();
    private final Path file;
    private final Thread thread = new Thread(this::run, "weft-start");
    private @Nullable RegistryStatus registry;
    private String registryKind = "";
    private String device = "";
    /** It was to be this node's: what fails from here on may fail since the device is another's. */
    private boolean isPlaceAsked;

    private String underlay = "";
    private String failure = "";
    private long failedMs;
    private boolean isOver = true;
    private boolean wasOver;
    /** A node has been set up, and what starts before it left is to go. */
    private boolean isFormerDue;

    /** Number of the process whose place this one has taken; 0 for none. */
    private long replacedPid;

    /** Of nodes that are not on record any more. */
    private final Set<DeviceRecord> formerDevices = new HashSet<>();

    private boolean isWritten;
    private String trouble = "";

    private StartRecord(final Path runDirectory, final Purpose purpose, final String version) {
        this.runDirectory = runDirectory;
        this.purpose = purpose;
        this.version = version;
        // A number alone may be that of another container's process, which has the directory as well.
        file = statusFile(PREFIX + process.pid() + '-' + process.pidNamespace());
    }

    /** Of this process, which has begun nothing yet. */
    public static StartRecord open(final Path runDirectory, final Purpose purpose, final String version) {
        final StartRecord record = new StartRecord(runDirectory, purpose, version);
        record.thread.setDaemon(true);
        record.thread.start();
        return record;
    }

    private Path statusFile(final String name) {
        return runDirectory.resolve(name + NodeRecord.STATUS_SUFFIX);
    }

    /** Whether a daemon's status is that of a start. */
    public static boolean isStart(final JsonValue status) {
        return null != status.member(FAILURE);
    }

    /** When a start failed for good, in milliseconds since 1970; 0 if it did not. */
    public static long failedMs(final JsonValue status) {
        final JsonValue ms = status.member(FAILED_MS);
        return null == ms ? 0 : ms.integer(0, Long.MAX_VALUE);
    }

    /** Whether the device that a start's status names was asked for, and not only named by an option. */
    static boolean isPlaceAsked(final JsonValue status) {
        final JsonValue isAsked = status.member(PLACE_ASKED);
        return null != isAsked && isAsked.bool();
    }

    /** What all records of this process say of it: who it is, and what it was started for. */
    public synchronized Map<String, Object> identity() {
        final Map<String, Object> identity = new LinkedHashMap<>(process.description());
        identity.putAll(purpose.description());
        identity.put("version", version);
        identity.put("registry", registryKind);
        return identity;
    }

    /** A node is to be set up. */
    public synchronized void begin(final RegistryStatus status, final String kind) {
        registry = status;
        registryKind = kind;
        isPlaceAsked = false;
        isOver = false;
    }

    /** That could not be done, and is tried again. */
    public synchronized void failed(final String cause) {
        failure = cause;
    }

    /** That could not be done, and the process ends. Beside a daemon that runs, and goes on, it is told to who started it alone. */
    public synchronized void gaveUp(final String cause) {
        if (isBesideOneThatRuns()) {
            return;
        }
        failure = cause;
        failedMs = System.currentTimeMillis();
        isOver = false;
        write(true);
        removeFormer(this::isOfSamePurpose);
        removeOldest();
    }

    /** The node is to have this device, if it is nobody else's. */
    public synchronized void wants(final String deviceName) {
        device = deviceName;
        isPlaceAsked = true;
    }

    /** The node is to have this device, which is nobody else's, and this interface to others. */
    public synchronized void found(final String deviceName, final String interfaceToOthers) {
        underlay = interfaceToOthers;
        device = deviceName;
        removeNodes(
                daemon -> !isStart(daemon.status()) && daemon.name().equals(deviceName)); // by one that had it before
        delete(statusFile(deviceName)); // the same, if it is damaged
    }

    /** This process takes the place of another, whose record is to go as soon as there is a new one, perhaps of another device. */
    public synchronized void takesPlaceOf(final long pid) {
        replacedPid = pid;
        noteDevicesOf(pid);
    }

    /** The node has a record of its own from now on. */
    public synchronized void over(final String deviceName) {
        if (isWritten) {
            delete(file);
            isWritten = false;
        }
        device = deviceName;
        failure = "";
        isOver = true;
        wasOver = true;
        isFormerDue = true;
    }

    private void run() {
        try {
            while (true) {
                TimeUnit.MILLISECONDS.sleep(INTERVAL_MS);
                look();
            }
        } catch (final InterruptedException closed) {
            // the process ends
        }
    }

    private synchronized void look() {
        removeReplaced();
        if (!isOver && null != registry) {
            final boolean isFirst = !isWritten;
            write(false);
            if (isFirst) {
                removeFormer(former -> 0 == failedMs(former) && isOfSamePurpose(former));
                removeOwnNode();
            }
        }
    }

    /** What a node has made out of date that has been set up. */
    private void removeReplaced() {
        if (!isFormerDue) {
            removeFormerDevices();
            return;
        }
        isFormerDue = false;
        removeFormer(this::isDone);
        removeFormerNodes();
        if (replacedPid > 0) {
            removeNodes(daemon -> daemon.liveness().isGone() && isInThisNamespace(daemon, replacedPid));
            replacedPid = 0;
        }
        removeFormerDevices();
    }

    private void write(final boolean hasEnded) {
        try {
            OwnDirectory.require("--run-dir", runDirectory);
            RecordFile.replace(file, out -> out.write(JsonOutput.of(content(hasEnded)) + '\n'));
            isWritten = true;
            trouble = "";
        } catch (final IOException | StartupException refused) {
            tell(
                    "write " + file + ": " + refused.getMessage() + ". weft status does not tell of this start",
                    refused.getMessage());
        }
    }

    private Map<String, Object> content(final boolean hasEnded) {
        final RegistryStatus status = registry;
        final Map<String, Object> conditions = new LinkedHashMap<>();
        conditions.put("registry", null == status ? "" : Objects.requireNonNullElse(status.loss(), ""));
        conditions.put("own_lease", null == status ? "" : Objects.requireNonNullElse(status.ownTrouble(), ""));
        final Map<String, Object> content = identity();
        content.put("ready", false);
        content.put("ended", hasEnded);
        content.put(FAILED_MS, failedMs);
        content.put(PLACE_ASKED, isPlaceAsked);
        content.put("device", device.isEmpty() ? purpose.deviceName() : device);
        content.put("underlay", underlay);
        content.put(FAILURE, failure);
        content.put("devices", List.of());
        content.put("conditions", conditions);
        return content;
    }

    private boolean isBesideOneThatRuns() {
        try {
            return DaemonRecord.readAll(runDirectory, System.currentTimeMillis()).stream()
                    .anyMatch(daemon -> Liveness.LIVE == daemon.liveness()
                            && !isStart(daemon.status())
                            && !daemon.isOf(process)
                            && ProcessIdentity.namespace("net") == daemon.number("networkNamespace"));
        } catch (final IllegalStateException | JsonException unreadable) {
            return false;
        }
    }

    /** A file of the same name may be left by another process: in a container started anew both numbers are often the same. */
    private void removeFormer(final Predicate<JsonValue> isFormer) {
        remove(runDirectory, daemon -> isLeft(daemon) && !daemon.isOf(process) && isFormer.test(daemon.status()));
    }

    /** What nothing that starts will be known as the next of, as where each start has a network namespace of its own. */
    private void removeOldest() {
        remove(runDirectory, StartRecord::isLeft, LEFT_MAX);
    }

    /** What the last node of this process left: the process has a record again. */
    private void removeOwnNode() {
        removeNodes(daemon -> !isStart(daemon.status()) && daemon.isOf(process));
    }

    /**
     * What a node left whose first device had another name, as that of another VNI has: one of this process, or of one that is gone
     * and was started for the same, or had the subnet file that this one has now. Records of earlier versions do not tell all of it.
     */
    private void removeFormerNodes() {
        removeNodes(daemon -> !isStart(daemon.status())
                && !daemon.name().equals(device)
                && (daemon.isOf(process)
                        || (daemon.liveness().isGone()
                                && null != daemon.status().member("service")
                                && (isOfSamePurpose(daemon.status()) || isOfSameSubnetFile(daemon.status())))));
    }

    /** Deletes what all that are gone have left, starts and nodes, whatever their purpose: nobody is to start them again. */
    public static void removeAll(final Path runDirectory) {
        try {
            for (final DaemonRecord gone :
                    remove(runDirectory, daemon -> daemon.liveness().isGone())) {
                for (final DeviceRecord device : gone.devices()) {
                    device.delete();
                }
            }
        } catch (final IOException kept) {
            tellThatItStays(runDirectory, kept);
        }
    }

    /** Deletes what a start has left that came to an end; returns whether there was such a thing. */
    public static boolean forget(final DaemonRecord daemon) throws IOException {
        return isLeft(daemon) && Files.deleteIfExists(daemon.file());
    }

    private static boolean isLeft(final DaemonRecord daemon) {
        return isStart(daemon.status()) && daemon.liveness().isGone();
    }

    private static List<DaemonRecord> remove(final Path runDirectory, final Predicate<DaemonRecord> which) {
        return remove(runDirectory, which, 0);
    }

    /** But for so many of the newest; returns those that are gone. */
    private static List<DaemonRecord> remove(
            final Path runDirectory, final Predicate<DaemonRecord> which, final int newest) {
        final List<DaemonRecord> removed = new ArrayList<>();
        try {
            for (final DaemonRecord daemon : DaemonRecord.readAll(runDirectory, System.currentTimeMillis()).stream()
                    .filter(which)
                    .sorted(Comparator.comparingLong(DaemonRecord::ageMs))
                    .skip(newest)
                    .toList()) {
                Files.deleteIfExists(daemon.file());
                removed.add(daemon);
            }
        } catch (final IOException | IllegalStateException | JsonException kept) {
            tellThatItStays(runDirectory, kept);
        }
        return removed;
    }

    private static void tellThatItStays(final Path runDirectory, final Exception cause) {
        LOG.log(
                WARNING,
                "what starts before this one left in {0} stays there: {1}{2}",
                runDirectory,
                cause.getMessage(),
                LogFields.of("directory", runDirectory, "error", String.valueOf(cause.getMessage())));
    }

    /** The same of nodes, whose devices' files go as soon as it is on record which of them are this node's. */
    private void removeNodes(final Predicate<DaemonRecord> which) {
        remove(runDirectory, which).forEach(daemon -> formerDevices.addAll(daemon.devices()));
    }

    /** Of one whose record is about to be written over, if the first of its devices has this node's name. */
    private void noteDevicesOf(final long pid) {
        try {
            DaemonRecord.readAll(runDirectory, System.currentTimeMillis()).stream()
                    .filter(daemon -> !isStart(daemon.status()) && isInThisNamespace(daemon, pid))
                    .forEach(daemon -> formerDevices.addAll(daemon.devices()));
        } catch (final IllegalStateException | JsonException kept) {
            tellThatItStays(runDirectory, kept);
        }
    }

    private static boolean isInThisNamespace(final DaemonRecord daemon, final long pid) {
        return daemon.number("pid") == pid && daemon.number("networkNamespace") == ProcessIdentity.namespace("net");
    }

    private void removeFormerDevices() {
        if (formerDevices.isEmpty()) {
            return;
        }
        try {
            final List<DaemonRecord> left = DaemonRecord.readAll(runDirectory, System.currentTimeMillis());
            if (left.stream()
                    .noneMatch(daemon -> !isStart(daemon.status())
                            && daemon.isOf(process)
                            && daemon.name().equals(device))) {
                return;
            }
            final Set<String> inUse = left.stream()
                    .flatMap(daemon -> daemon.devices().stream())
                    .map(DeviceRecord::name)
                    .collect(Collectors.toSet());
            for (final DeviceRecord former : formerDevices) {
                if (!inUse.contains(former.name())) {
                    former.delete();
                }
            }
        } catch (final IOException | IllegalStateException | JsonException kept) {
            tellThatItStays(runDirectory, kept);
        }
        formerDevices.clear();
    }

    /** The same, started once more. */
    private boolean isOfSamePurpose(final JsonValue former) {
        final Map<String, Object> own = purpose.description();
        return isOfSameDaemon(former)
                && Objects.equals(
                        own.get("registryId"), former.required("registryId").string());
    }

    /** This one has become what the other was to be, if another registry was named by mistake as well. */
    private boolean isDone(final JsonValue former) {
        final String other = former.required("device").string();
        return isOfSamePurpose(former) || (isOfSameDaemon(former) && (other.isEmpty() || other.equals(device)));
    }

    /** This one is in the place of the other, whatever device each was asked for, and wherever its leases were kept. */
    private boolean isOfSameSubnetFile(final JsonValue former) {
        final JsonValue other = former.member(SUBNET_FILE);
        return null != other
                && !other.string().isEmpty()
                && purpose.subnetFile().equals(other.string())
                && isInThisNamespace(former);
    }

    private static boolean isInThisNamespace(final JsonValue former) {
        return ProcessIdentity.namespace("net")
                == former.required("networkNamespace").integer(0, Long.MAX_VALUE);
    }

    private boolean isOfSameDaemon(final JsonValue former) {
        return purpose.service().equals(former.required("service").string())
                && purpose.deviceName().equals(former.required("askedDevice").string())
                && isInThisNamespace(former);
    }

    private void delete(final Path old) {
        try {
            Files.deleteIfExists(old);
        } catch (final IOException kept) {
            tell("delete " + old + ": " + FileFailure.words(kept), FileFailure.words(kept));
        }
    }

    private void tell(final String words, final @Nullable String error) {
        if (!words.equals(trouble)) {
            LOG.log(WARNING, "{0}{1}", words, LogFields.of("directory", runDirectory, "error", String.valueOf(error)));
            trouble = words;
        }
    }

    /** The process ends: what it leaves is why its start failed, or what its last node left, if there was one. */
    @Override
    public void close() {
        thread.interrupt();
        TakeDown.await(thread, END_PATIENCE_MS);
        synchronized (this) {
            removeReplaced();
            if (isWritten && 0 == failedMs) {
                if (wasOver) {
                    write(true);
                } else {
                    delete(file);
                }
            }
        }
    }
}
