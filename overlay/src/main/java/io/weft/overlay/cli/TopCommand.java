/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What goes on, again and again: out of the counters files, so that it costs the daemons nothing. */
@Command(
        name = "top",
        mixinStandardHelpOptions = true,
        description = {
            "Shows what goes on: packets and bits a second, drops, how busy the data threads are, and the busiest peers.",
            "Ends with Ctrl-C, or after --count. With -o json a line for each look, that of a terminal is overwritten by the next."
        })
final class TopCommand implements Callable<Integer> {
    private static final Path STANDARD_OUTPUT = Path.of("/proc/self/fd/1");
    private static final String HOME_AND_CLEAR = "\033[H\033[2J";
    private static final double NS_PER_SECOND = 1e9;
    private static final int SECONDS_MAX = 3_600;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private Daemons daemons = new Daemons();

    @Mixin
    private Output output = new Output();

    @Option(
            names = "--interval",
            paramLabel = "SECONDS",
            defaultValue = "2",
            description = "between two looks, 1 to " + SECONDS_MAX + " (default: ${DEFAULT-VALUE})")
    private int intervalSeconds = 2;

    @Option(names = "--count", paramLabel = "NUMBER", description = "of looks (default: until it is ended)")
    private int count = Integer.MAX_VALUE;

    @Option(
            names = "--peers",
            paramLabel = "NUMBER",
            defaultValue = "12",
            description = "peers at most (default: ${DEFAULT-VALUE})")
    private int peersMax = 12;

    /** For picocli. */
    TopCommand() {}

    @Override
    public Integer call() throws InterruptedException {
        daemons.refuseArchive();
        requireRange("--interval", intervalSeconds, SECONDS_MAX);
        requireRange("--count", count, Integer.MAX_VALUE);
        requireRange("--peers", peersMax, Integer.MAX_VALUE);
        Map<String, CountersRecord> before = counters(daemons.require());
        long beforeNs = System.nanoTime();
        for (int look = 0; look < count; look++) {
            Thread.sleep(TimeUnit.SECONDS.toMillis(intervalSeconds));
            final List<DaemonRecord> found = daemons.require();
            final Map<String, CountersRecord> now = counters(found);
            final long nowNs = System.nanoTime();
            show(found, before, now, (nowNs - beforeNs) / NS_PER_SECOND);
            before = now;
            beforeNs = nowNs;
        }
        return 0;
    }

    private void requireRange(final String option, final int value, final int max) {
        if (value < 1 || value > max) {
            throw new ParameterException(
                    spec.commandLine(), option + "=" + value + ": must be a whole number from 1 to " + max);
        }
    }

    /** What System.console() says of it, is another thing in each JDK. */
    private static boolean isTerminal() {
        try {
            return Files.readSymbolicLink(STANDARD_OUTPUT).toString().matches("/dev/(pts/|tty|console).*");
        } catch (final IOException untold) {
            return false;
        }
    }

    private static Map<String, CountersRecord> counters(final List<DaemonRecord> found) {
        final Map<String, CountersRecord> counters = new HashMap<>();
        for (final DaemonRecord daemon : found) {
            for (final DeviceRecord device : daemon.devices()) {
                counters.put(device.name(), device.counters());
            }
        }
        return counters;
    }

    private void show(
            final List<DaemonRecord> found,
            final Map<String, CountersRecord> before,
            final Map<String, CountersRecord> now,
            final double seconds) {
        final List<Map<String, Object>> entries = new ArrayList<>();
        final List<String> lines = new ArrayList<>();
        for (final DaemonRecord daemon : found) {
            for (final DeviceRecord device : daemon.devices()) {
                final CountersRecord after = now.get(device.name());
                if (null != after) {
                    final Map<String, Object> rates =
                            Rates.of(device.name(), before.getOrDefault(device.name(), after), after, seconds);
                    entries.add(rates);
                    lines.addAll(TopScreen.lines(rates, daemon.liveness().label(), peersMax));
                    lines.add("");
                }
            }
        }
        if (output.isJson()) {
            output.out().println(JsonOutput.of(entries));
        } else {
            output.out().print(isTerminal() ? HOME_AND_CLEAR : "");
            lines.forEach(line -> output.out().println(line));
        }
        output.out().flush();
    }
}
