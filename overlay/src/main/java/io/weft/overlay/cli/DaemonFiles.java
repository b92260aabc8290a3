/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.Liveness;
import io.weft.overlay.record.StartRecord;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which daemon is asked about: where it has its files, and what they are called. */
final class DaemonFiles {
    /** Where nothing is on record, for the path that is told. */
    private static final String DEVICE_DEFAULT = "weft.1";

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--device", paramLabel = "NAME", description = "of the daemon (default: that of the only one)")
    private @Nullable String device;

    @Option(
            names = "--run-dir",
            paramLabel = "DIR",
            defaultValue = "/run/weft",
            description = "default: ${DEFAULT-VALUE}")
    private Path runDirectory = Path.of("/run/weft");

    /** For picocli. */
    DaemonFiles() {}

    /**
     * One of the files of a device: the one that was named, or the only one.
     *
     * @param suffix after the device's name.
     * @throws ParameterException when the device's name cannot be one, or which is meant is not clear.
     */
    Path file(final String suffix) {
        final List<String> devices = devices();
        if (devices.size() > 1) {
            throw unclear(
                    "the daemon in " + runDirectory + " has several devices",
                    devices,
                    "; for both run this once for each");
        }
        return runDirectory.resolve(devices.get(0) + suffix);
    }

    /** Where the daemon is asked about all of its devices. */
    Path socket() {
        return runDirectory.resolve(devices().get(0) + ".sock");
    }

    /**
     * Looks whether the daemon can answer at all.
     *
     * @throws IllegalStateException with what weft status says, where it is on record that it cannot: it is not waited for.
     */
    void requireAwake() {
        final String asleep = asleep();
        if (!asleep.isEmpty()) {
            throw new IllegalStateException(asleep);
        }
    }

    /** The same in words; empty where it can. */
    String asleep() {
        return daemon().filter(daemon -> Liveness.STOPPED == daemon.liveness())
                .map(daemon -> daemon.name() + " cannot answer" + Hindrances.inShort(daemon))
                .orElse("");
    }

    private List<String> devices() {
        final String wanted = device;
        if (null != wanted) {
            if (!wanted.matches("[^/\\s]+")) {
                throw new ParameterException(
                        spec.commandLine(), "--device=" + wanted + ": must be the name of a device, as weft.1");
            }
            final List<DaemonRecord> all = all();
            if (!all.isEmpty()
                    && daemon().isEmpty()
                    && !hasFiles(wanted)
                    && all.stream().noneMatch(Daemons::mayBeOfAny)) {
                throw new ParameterException(spec.commandLine(), Daemons.unknown(wanted, all));
            }
            return List.of(wanted);
        }
        return daemon().map(found ->
                        found.devices().stream().map(DeviceRecord::name).toList())
                .orElse(List.of(DEVICE_DEFAULT));
    }

    /** One whose record cannot be written, as on a disk that is full, has a socket all the same. */
    private boolean hasFiles(final String name) {
        return Files.exists(runDirectory.resolve(name + ".sock"))
                || Files.exists(runDirectory.resolve(name + ".counters"));
    }

    /**
     * What the daemon has on record: that of the device, or the only one, of which those that are gone count where there is no other.
     *
     * @return empty if it has nothing there.
     * @throws ParameterException when there are several.
     */
    Optional<DaemonRecord> daemon() {
        final List<DaemonRecord> found = all().stream()
                .filter(daemon -> daemon.devices().stream()
                        .anyMatch(each -> null == device || each.name().equals(device)))
                .toList();
        final List<DaemonRecord> running =
                found.stream().filter(daemon -> !daemon.liveness().isGone()).toList();
        final List<DaemonRecord> meant = running.isEmpty() ? found : running;
        if (meant.size() > 1) {
            throw unclear(
                    "several daemons are on record in " + runDirectory,
                    meant.stream().map(DaemonRecord::name).toList(),
                    "");
        }
        return meant.stream().findFirst();
    }

    private ParameterException unclear(final String what, final List<String> names, final String more) {
        return new ParameterException(
                spec.commandLine(), what + ": name one by --device, of " + String.join(" and ", names) + more);
    }

    private List<DaemonRecord> all() {
        Daemons.requireDirectory(runDirectory);
        return DaemonRecord.readAll(runDirectory, System.currentTimeMillis());
    }

    /** That a daemon does not answer, and what to do; with what weft status finds wrong with it, or with those that have no device yet. */
    IllegalStateException silence(final Path socket, final IOException failure) {
        final Optional<DaemonRecord> found = daemon();
        final String known = found.map(Hindrances::inShort)
                .orElseGet(() -> all().stream()
                        .filter(other -> StartRecord.isStart(other.status()))
                        .map(Hindrances::inShort)
                        .collect(Collectors.joining()));
        return failure instanceof SocketTimeoutException
                ? new IllegalStateException(
                        socket + ": " + failure.getMessage() + " weft counters shows its last sign of life" + known,
                        failure)
                : new IllegalStateException(
                        "no daemon answers at " + socket + " (" + failure.getMessage()
                                + ")"
                                + (found.isPresent()
                                        ? ""
                                        : ": is weftd running, and ready (weft status)? Name its --device and --run-dir")
                                + known,
                        failure);
    }
}
