/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.record.DaemonRecord;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which daemons are asked about: all of a run directory, unless one is named. */
final class Daemons {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--device", paramLabel = "NAME", description = "the daemon of this device alone (default: all)")
    private @Nullable String device;

    @Option(
            names = "--run-dir",
            paramLabel = "DIR",
            defaultValue = "/run/weft",
            description = "default: ${DEFAULT-VALUE}")
    private Path runDirectory = Path.of("/run/weft");

    /** For picocli. */
    Daemons() {}

    /** Where they have their files. */
    Path runDirectory() {
        return runDirectory;
    }

    /** Their records as they are now; empty without any. */
    List<DaemonRecord> read() {
        final String wanted = device;
        if (null != wanted && !wanted.matches("[^/\\s]+")) {
            throw new ParameterException(
                    spec.commandLine(), "--device=" + wanted + ": must be the name of a device, as weft.1");
        }
        return DaemonRecord.readAll(runDirectory, System.currentTimeMillis()).stream()
                .filter(daemon -> null == wanted
                        || daemon.name().equals(wanted)
                        || daemon.devices().stream()
                                .anyMatch(each -> each.name().equals(wanted)))
                .toList();
    }

    /** That there is none, and what to do. */
    String missing() {
        return "no weftd" + (null == device ? "" : " of device " + device) + " has left anything in " + runDirectory
                + ": start it, or name its --run-dir" + (null == device ? "" : " and --device");
    }

    /**
     * The same, and it is an error when there is none.
     *
     * @throws IllegalStateException with what to do.
     */
    List<DaemonRecord> require() {
        final List<DaemonRecord> daemons = read();
        if (daemons.isEmpty()) {
            throw new IllegalStateException(missing());
        }
        return daemons;
    }

    /** Says on standard error how old an answer is that no living daemon stands for. */
    void warnOfAge(final List<DaemonRecord> daemons) {
        for (final DaemonRecord daemon : daemons) {
            final String warning = Words.ofAge(daemon);
            if (!warning.isEmpty()) {
                spec.commandLine().getErr().println("weft: " + daemon.name() + ": " + warning);
            }
        }
    }
}
