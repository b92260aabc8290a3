/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.lifecycle.PlainText;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.Liveness;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
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
            "Ends with Ctrl-C, after --count, or when nobody reads it any more; goes on while daemons end and start. With -o json a"
                    + " line for each look, that of a terminal is overwritten by the next.",
            "Exit codes: 0, also when a signal has ended it; 1, there is no daemon; 2, wrong arguments."
        })
final class TopCommand implements Callable<Integer> {
    private static final String HOME_AND_CLEAR = "\033[H\033[2J";
    /** What is too long for a line is cut by the terminal, and not on the next one. */
    private static final String CUT = "\033[?7l";

    private static final String WRAP = "\033[?7h";
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

    private volatile boolean isLooking;

    private record Look(CountersRecord counters, long timeNs) {}

    /** For picocli. */
    TopCommand() {}

    @Override
    public Integer call() throws InterruptedException {
        requireRange("--interval", intervalSeconds, SECONDS_MAX);
        requireRange("--count", count, Integer.MAX_VALUE);
        requireRange("--peers", peersMax, Integer.MAX_VALUE);
        final List<DaemonRecord> found = daemons.require();
        requireOneThatHasBegun(found);
        final Map<String, Look> looks = looks(found);
        Runtime.getRuntime().addShutdownHook(new Thread(this::onSignal, "weft-end"));
        isLooking = true;
        try {
            for (int look = 0; look < count; look++) {
                Thread.sleep(TimeUnit.SECONDS.toMillis(intervalSeconds));
                if (!show(looks)) {
                    return 0;
                }
            }
            return 0;
        } finally {
            isLooking = false;
        }
    }

    /** To be told to end is how it is meant to end, and no failure: not the exit code of a signal. */
    private void onSignal() {
        if (isLooking) {
            Runtime.getRuntime().halt(0);
        }
    }

    private void requireRange(final String option, final int value, final int max) {
        if (value < 1 || value > max) {
            throw new ParameterException(
                    spec.commandLine(), option + "=" + value + ": must be a whole number from 1 to " + max);
        }
    }

    /** A start that has failed counts nothing: where there is nothing else, there is no daemon. */
    private static void requireOneThatHasBegun(final List<DaemonRecord> found) {
        if (found.stream().allMatch(daemon -> Liveness.FAILED == daemon.liveness())) {
            throw new IllegalStateException(found.stream()
                    .map(daemon -> Words.title(daemon) + ": " + Words.ofAge(daemon))
                    .collect(Collectors.joining("; ")));
        }
    }

    /** Of the devices whose counters can be read: a daemon that is just starting may have none yet. */
    private static Map<String, Look> looks(final List<DaemonRecord> found) {
        final Map<String, Look> looks = new HashMap<>();
        for (final DaemonRecord daemon : found) {
            for (final DeviceRecord device : daemon.devices()) {
                try {
                    looks.put(device.name(), new Look(device.counters(), System.nanoTime()));
                } catch (final IllegalStateException beingMade) {
                    // told of where it is missed
                }
            }
        }
        return looks;
    }

    /**
     * Shows what went on since the last look.
     *
     * @param before the last look at each device, replaced by that of now.
     * @return false when nobody reads it any more.
     */
    private boolean show(final Map<String, Look> before) {
        final List<Map<String, Object>> entries = new ArrayList<>();
        final List<String> lines = new ArrayList<>();
        try {
            final List<DaemonRecord> found = daemons.require();
            final Map<String, Look> now = looks(found);
            for (final DaemonRecord daemon : found) {
                add(entries, lines, daemon, before, now);
            }
            before.putAll(now);
        } catch (final IllegalStateException none) {
            missing(lines, String.valueOf(none.getMessage()));
        }
        if (output.isJson()) {
            output.out().println(JsonOutput.of(entries));
        } else {
            output.out().print(Output.isTerminal() ? CUT + HOME_AND_CLEAR : "");
            lines.forEach(output::line);
            output.out().print(Output.isTerminal() ? WRAP : "");
        }
        return output.flush();
    }

    private void add(
            final List<Map<String, Object>> entries,
            final List<String> lines,
            final DaemonRecord daemon,
            final Map<String, Look> before,
            final Map<String, Look> now) {
        final String liveness = daemon.liveness().label();
        boolean counts = false;
        for (final DeviceRecord device : daemon.devices()) {
            final Look after = now.get(device.name());
            if (null != after) {
                final Look last = before.getOrDefault(device.name(), after);
                final double seconds = Math.max(intervalSeconds, (after.timeNs - last.timeNs) / NS_PER_SECOND);
                final Map<String, Object> rates =
                        Rates.of(device.name(), last.counters, after.counters, seconds, peersMax);
                rates.put("agents", Stalls.marked(TopScreen.maps(rates.get("agents")), device.name(), daemon));
                entries.add(Words.withAge(rates, daemon));
                lines.addAll(TopScreen.lines(rates, liveness));
                lines.add("");
                counts = true;
            }
        }
        if (!counts) {
            missing(lines, Words.title(daemon) + ": " + liveness + ", no counters to read");
        }
    }

    /** Daemons come and go: that is told, and the next look may find them again. */
    private void missing(final List<String> lines, final String words) {
        if (output.isJson()) {
            spec.commandLine().getErr().println("weft: " + PlainText.of(words));
        } else {
            lines.add(words);
        }
    }
}
