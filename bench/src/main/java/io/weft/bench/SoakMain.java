/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.Teardown;
import io.weft.bench.report.Console;
import io.weft.bench.soak.Soak;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A long run under changes, that tells each minute what weftd holds and whether every packet is accounted for. */
@CommandLine.Command(
        name = "weft soak",
        mixinStandardHelpOptions = true,
        description =
                "Traffic of all kinds between three nodes while leases, routes and weftd itself change; exit code 1"
                        + " when something has grown, or was changed or lost without being counted.")
public final class SoakMain implements Callable<Integer> {
    private static final Duration INTERVAL = Duration.ofMinutes(1);
    private static final Duration REST = Duration.ofSeconds(3);

    @Option(names = "--minutes", defaultValue = "30", description = "How long (default: ${DEFAULT-VALUE}).")
    private int minutes;

    @Option(
            names = "--seed",
            defaultValue = "14",
            description = "Of lengths of packets and order of changes (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Mixin
    private WeftdOptions weftd = new WeftdOptions();

    private final Console console = new Console();

    public static void main(final String[] args) {
        System.exit(Entry.execute(new SoakMain(), args));
    }

    @Override
    public Integer call() throws IOException {
        Entry.requireRoot();
        if (minutes < 1) {
            throw new IllegalArgumentException("--minutes=" + minutes + ": must be at least 1");
        }
        final List<String> complaints;
        try (Teardown teardown = new Teardown()) {
            try {
                complaints = new Soak(Duration.ofMinutes(minutes), INTERVAL, REST, seed)
                        .run(Entry.labPrefix("soak"), weftd.weftd(), teardown, console::line);
            } catch (final Command.CommandException | IOException ex) {
                if (teardown.isClosed()) {
                    return CommandLine.ExitCode.SOFTWARE;
                }
                throw ex;
            }
        }
        complaints.forEach(complaint -> console.line(console.bad(complaint)));
        if (complaints.isEmpty()) {
            console.line(console.good("Every byte as it was sent, every packet accounted for, "
                    + (minutes < Soak.MINIMUM_ACCOUNTS
                            ? "and too short a time to tell of growth."
                            : "nothing has grown.")));
        }
        return complaints.isEmpty() ? CommandLine.ExitCode.OK : CommandLine.ExitCode.SOFTWARE;
    }
}
