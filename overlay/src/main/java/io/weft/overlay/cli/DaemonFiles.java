/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.record.DaemonRecord;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which daemon is asked about: where it has its files, and what they are called. */
final class DaemonFiles {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--device", paramLabel = "NAME", defaultValue = "weft.1", description = "default: ${DEFAULT-VALUE}")
    private String device = "";

    @Option(
            names = "--run-dir",
            paramLabel = "DIR",
            defaultValue = "/run/weft",
            description = "default: ${DEFAULT-VALUE}")
    private Path runDirectory = Path.of("/run/weft");

    /** For picocli. */
    DaemonFiles() {}

    /**
     * One of its files.
     *
     * @param suffix after the device's name.
     * @throws ParameterException when the device's name cannot be one.
     */
    Path file(final String suffix) {
        if (!device.matches("[^/\\s]+")) {
            throw new ParameterException(
                    spec.commandLine(), "--device=" + device + ": must be the name of a device, as weft.1");
        }
        return runDirectory.resolve(device + suffix);
    }

    /** What the daemon has on record; empty if it has nothing there. */
    Optional<DaemonRecord> daemon() {
        return DaemonRecord.readAll(runDirectory, System.currentTimeMillis()).stream()
                .filter(daemon ->
                        daemon.devices().stream().anyMatch(found -> found.name().equals(device)))
                .findFirst();
    }

    /** That a daemon does not answer, and what to do. */
    static IllegalStateException silence(final Path socket, final IOException failure) {
        return failure instanceof SocketTimeoutException
                ? new IllegalStateException(
                        socket + ": " + failure.getMessage() + " weft counters shows its last sign of life", failure)
                : new IllegalStateException(
                        "no daemon answers at " + socket + " (" + failure.getMessage()
                                + "): is weftd running, and ready (weft status)? Name its --device and --run-dir",
                        failure);
    }
}
