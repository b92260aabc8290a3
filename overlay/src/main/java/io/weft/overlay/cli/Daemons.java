/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.lifecycle.PlainText;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DamagedRecord;
import io.weft.overlay.record.Liveness;
import io.weft.overlay.record.ProcessIdentity;
import io.weft.overlay.record.StartRecord;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which daemons are asked about: all of a run directory, unless one is named. */
class Daemons {
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

    private List<DamagedRecord> damaged = List.of();

    /** The daemon of the device that is named was on record once: it may go, and come again. */
    private boolean wasThere;

    /** For picocli. */
    Daemons() {}

    /** Where they leave their records. */
    Path runDirectory() {
        return runDirectory;
    }

    /** Those that cannot be told of, as {@link #read} found last. */
    List<DamagedRecord> damaged() {
        return damaged;
    }

    /** Their records as they are now; empty without any that can be read. */
    List<DaemonRecord> read() {
        final String wanted = device;
        if (null != wanted && !wanted.matches("[^/\\s]+")) {
            throw new ParameterException(
                    spec.commandLine(), "--device=" + wanted + ": must be the name of a device, as weft.1");
        }
        final List<DamagedRecord> unread = new ArrayList<>();
        final List<DaemonRecord> all = all(unread::add);
        damaged = unread.stream()
                .filter(each -> null == wanted || each.name().equals(wanted))
                .toList();
        if (null == wanted) {
            return all;
        }
        final boolean isTaken =
                all.stream().anyMatch(daemon -> !daemon.liveness().isGone() && isOf(daemon, wanted));
        final List<DaemonRecord> meant = all.stream()
                .filter(daemon -> isOf(daemon, wanted) || (!isTaken && mayBeOfAny(daemon)))
                .toList();
        wasThere |= !meant.isEmpty();
        if (!wasThere && !all.isEmpty() && damaged.isEmpty()) {
            throw new ParameterException(spec.commandLine(), unknown(wanted, all));
        }
        return meant;
    }

    private static boolean isOf(final DaemonRecord daemon, final String device) {
        return daemon.name().equals(device)
                || (StartRecord.isStart(daemon.status())
                        && daemon.text("device").equals(device))
                || daemon.devices().stream().anyMatch(each -> each.name().equals(device));
    }

    /** A start that does not know its device before the registry has answered. */
    static boolean mayBeOfAny(final DaemonRecord daemon) {
        return StartRecord.isStart(daemon.status()) && daemon.text("device").isEmpty();
    }

    /** That no daemon has the device that is named, though there are daemons. */
    static String unknown(final String device, final List<DaemonRecord> all) {
        return "--device=" + device + ": no daemon on record has it, there is "
                + all.stream().map(Words::title).collect(Collectors.joining(" and "));
    }

    /** Those that are to be read, whichever device is meant. */
    List<DaemonRecord> all(final Consumer<DamagedRecord> unread) {
        requireDirectory(runDirectory);
        return DaemonRecord.readAll(runDirectory, System.currentTimeMillis(), unread);
    }

    /** One that is not there is as one without daemons. */
    static void requireDirectory(final Path runDirectory) {
        if (Files.exists(runDirectory) && !Files.isDirectory(runDirectory)) {
            throw new IllegalStateException("--run-dir=" + runDirectory
                    + " is no directory: name that of weftd, which is /run/weft by default");
        }
    }

    /** That there is none, or none that can be told of, and what to do. */
    String missing() {
        if (!damaged.isEmpty()) {
            return damaged.stream().map(DamagedRecord::words).collect(Collectors.joining("; "));
        }
        return "no weftd" + ofDevice() + " has left anything in " + runDirectory
                + ": start it (its log says so if it waits for the registry), or name its --run-dir"
                + (null == device ? "" : " and --device");
    }

    /** The device that is named, as a message ends; empty without. */
    String ofDevice() {
        return null == device ? "" : " of device " + device;
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

    /** Which network namespace that is, as an answer has it behind its number. */
    String whichNamespace(final long number) {
        return number == ProcessIdentity.namespace("net") ? " (this one)" : " (another one)";
    }

    /** Says on standard error how old an answer is that no living daemon stands for, and of whom there is none. */
    void warnOfAge(final List<DaemonRecord> daemons) {
        damaged.forEach(each -> warn(each.words()));
        for (final DaemonRecord daemon : daemons) {
            final String warning = Words.ofAge(daemon);
            if (Liveness.LIVE == daemon.liveness() && daemon.devices().isEmpty() && !daemon.isReady()) {
                warn(Words.title(daemon) + ": not ready yet: weft status says what it waits for");
            }
            if (!warning.isEmpty()) {
                warn(Words.title(daemon) + ": " + warning);
            }
        }
    }

    /** Says something on standard error, and goes on. */
    void warn(final String words) {
        spec.commandLine().getErr().println("weft: " + PlainText.of(words));
    }
}
