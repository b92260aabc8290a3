/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.registry.BoundedFile;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;

/**
 * A daemon on record.
 *
 * @param name of its first device.
 * @param file that its status is in.
 * @param status what it wrote of itself: {@code overlay.node.NodeStatus}.
 * @param liveness of its process.
 * @param ageMs since its last sign of life, in milliseconds.
 * @param devices that it forwards for; none where the kernel's routes do it all.
 * @param isArchived whether the record is of an archive: then nothing of this host is the daemon's, whatever the numbers in it.
 */
public record DaemonRecord(
        String name,
        Path file,
        JsonValue status,
        Liveness liveness,
        long ageMs,
        List<DeviceRecord> devices,
        boolean isArchived) {
    private static final int LENGTH_MAX = 1 << 20;
    private static final String REMEDY =
            ". Delete it: a weftd that runs writes it again; weft has to be of the version of weftd";

    /** The same, without those that are damaged. */
    public static List<DaemonRecord> readAll(final Path directory, final long nowMs) {
        return readAll(directory, nowMs, damaged -> {});
    }

    /**
     * All daemons on record in a directory, in the order of their names.
     *
     * @param nowMs milliseconds since 1970.
     * @param damaged takes those that cannot be told of: the others are, all the same.
     * @throws IllegalStateException if the directory cannot be read, or a file is not for this user to read.
     */
    public static List<DaemonRecord> readAll(
            final Path directory, final long nowMs, final Consumer<DamagedRecord> damaged) {
        final List<DaemonRecord> found = new ArrayList<>();
        if (!Files.isDirectory(directory)) {
            return found;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + NodeRecord.STATUS_SUFFIX)) {
            for (final Path file : files) {
                try {
                    found.add(read(file, nowMs));
                } catch (final AccessDeniedException denied) {
                    throw denied;
                } catch (final IOException | JsonException failure) {
                    // Deleted since it was listed, by a daemon that has another file now, is none.
                    if (!Files.notExists(file)) {
                        damaged.accept(
                                new DamagedRecord(name(file), "read " + file + ": " + failure.getMessage() + REMEDY));
                    }
                }
            }
        } catch (final AccessDeniedException denied) {
            throw new IllegalStateException(
                    denied.getFile() + " is not for this user to read: run weft as root, or as weftd's user", denied);
        } catch (final IOException failure) {
            throw new IllegalStateException(
                    "read what daemons left in " + directory + ": " + failure.getMessage(), failure);
        }
        found.replaceAll(daemon -> daemon.isRefusedBesideOneOf(found) ? daemon.with(Liveness.REFUSED) : daemon);
        found.sort(Comparator.comparing(DaemonRecord::name));
        return found;
    }

    /**
     * A start that failed when it asked for a device that another daemon had then, and has still, whose files are in the same directory.
     * Not so for who asks in that start's own network namespace: there is no overlay there, and who has the device may be the stranger.
     */
    private boolean isRefusedBesideOneOf(final List<DaemonRecord> others) {
        return Liveness.FAILED == liveness
                && StartRecord.isPlaceAsked(status)
                && !isHere()
                && others.stream()
                        .anyMatch(other -> !StartRecord.isStart(other.status)
                                && !other.liveness.isGone()
                                && other.name.equals(text("device"))
                                && other.wasThere(StartRecord.failedMs(status)));
    }

    /** That it sends from, of each family one; none where a daemon of another version does not tell. */
    public List<IpAddress> underlayAddresses() {
        final JsonValue addresses = status.member("underlayAddresses");
        return null == addresses
                ? List.of()
                : addresses.elements().stream()
                        .map(address -> IpAddress.parse(address.string()))
                        .toList();
    }

    /** Whether it is of the network namespace of who asks. That of another host may have the same number, and as a rule has. */
    public boolean isHere() {
        return !isArchived && number("networkNamespace") == ProcessIdentity.namespace("net");
    }

    /** A daemon of another version may not tell it. */
    private boolean wasThere(final long timeMs) {
        final JsonValue startedMs = status.member("startedMs");
        return null != startedMs && startedMs.integer(0, Long.MAX_VALUE) <= timeMs;
    }

    private DaemonRecord with(final Liveness other) {
        return new DaemonRecord(name, file, status, other, ageMs, devices, isArchived);
    }

    private static DaemonRecord read(final Path file, final long nowMs) throws IOException {
        final JsonValue status = status(file);
        number(status, "networkNamespace"); // with those that are read below, all that every answer has
        // One that is ahead is from before the clock was set back: as much as it is ahead, it is old at least.
        final long ageMs = Math.abs(nowMs - Files.getLastModifiedTime(file).toMillis());
        final List<DeviceRecord> devices = new ArrayList<>();
        for (final JsonValue device : status.required("devices").elements()) {
            devices.add(
                    new DeviceRecord(deviceName(device), file.resolveSibling(""), path(device.required("counters"))));
        }
        return new DaemonRecord(
                name(file),
                file,
                status,
                StartRecord.failedMs(status) > 0
                        ? Liveness.FAILED
                        : Liveness.of(process(status), status.required("ended").bool(), ageMs),
                ageMs,
                List.copyOf(devices),
                false);
    }

    /** One whose process is on another host, or was: all of it is in the directory of the file. */
    static DaemonRecord read(final Path file, final Liveness liveness, final long ageMs) throws IOException {
        final JsonValue status = status(file);
        final List<DeviceRecord> devices = new ArrayList<>();
        for (final JsonValue device : status.required("devices").elements()) {
            final String deviceName = deviceName(device);
            devices.add(new DeviceRecord(
                    deviceName,
                    file.resolveSibling(""),
                    file.resolveSibling(deviceName + DeviceRecord.COUNTERS_SUFFIX)));
        }
        return new DaemonRecord(name(file), file, status, liveness, ageMs, List.copyOf(devices), true);
    }

    /** One that files begin with, in the record's own directory and in no other, whoever has written it. */
    private static String deviceName(final JsonValue device) {
        final JsonValue name = device.required("name");
        if (!DeviceRecord.isName(name.string())) {
            throw name.error("is " + JsonValue.quote(name.string()) + ", which is no device's name");
        }
        return name.string();
    }

    private static Path path(final JsonValue text) {
        try {
            return Path.of(text.string());
        } catch (final InvalidPathException noPath) {
            throw text.error("is no path of a file");
        }
    }

    private static JsonValue status(final Path file) throws IOException {
        return JsonReader.read(BoundedFile.read(file, LENGTH_MAX), file.toString());
    }

    private static String name(final Path file) {
        final String fileName = String.valueOf(file.getFileName());
        return fileName.substring(0, fileName.length() - NodeRecord.STATUS_SUFFIX.length());
    }

    private static long number(final JsonValue status, final String key) {
        return status.required(key).integer(0, Long.MAX_VALUE);
    }

    private static ProcessIdentity process(final JsonValue status) {
        return new ProcessIdentity(number(status, "pid"), number(status, "startTicks"), number(status, "pidNamespace"));
    }

    /** Whether this process has written it. */
    boolean isOf(final ProcessIdentity process) {
        return process.equals(process(status));
    }

    /** A number of its status. */
    public long number(final String key) {
        return number(status, key);
    }

    /** A text of its status. */
    public String text(final String key) {
        return status.required(key).string();
    }

    /** Of the cluster, that its pods have their addresses of; none where a daemon of another version does not tell. */
    public List<IpPrefix> networks() {
        return prefixes("networks");
    }

    private List<IpPrefix> prefixes(final String name) {
        final JsonValue prefixes = status.member(name);
        return null == prefixes
                ? List.of()
                : prefixes.elements().stream()
                        .map(prefix -> IpPrefix.parse(prefix.string()))
                        .toList();
    }

    /** Those of the node itself; none where a daemon of another version does not tell. */
    public List<IpPrefix> subnets() {
        return prefixes("subnets");
    }

    /** Rules of its host that may drop some of what pods send or get; empty if none is known of. */
    public String forwardingDoubt() {
        final JsonValue doubt = status.member("forwardingDoubt");
        return null == doubt ? "" : doubt.string();
    }

    /** Whether it checks the ways to its peers. */
    public boolean areChecked() {
        final JsonValue seconds = status.member("peerCheckSeconds");
        return null != seconds && seconds.integer(0, Integer.MAX_VALUE) > 0;
    }

    /** Whether pods can be wired. */
    public boolean isReady() {
        return status.required("ready").bool();
    }

    /** Why a condition does not hold; empty when it does, and where a daemon of another version knows no such condition. */
    public String trouble(final String condition) {
        final JsonValue trouble = status.required("conditions").member(condition);
        return null == trouble ? "" : trouble.string();
    }
}
