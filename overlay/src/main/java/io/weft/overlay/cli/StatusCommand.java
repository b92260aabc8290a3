/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DamagedRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** How the daemons of this host are: a line for each part, which is well, or what is wrong and what to do. */
@Command(
        name = "status",
        mixinStandardHelpOptions = true,
        description = {
            "Shows how each daemon is: a line for each part, which is ok, or what is wrong and what to do.",
            "Exit codes: 0, all is well; 3, something is wrong; 4, a daemon is hung or stopped; 5, one is dead or has ended,"
                    + " its last start failed, or there is none. 1, that could not be found out; 2, wrong arguments."
        })
final class StatusCommand implements Callable<Integer> {
    static final int OK = 0;
    static final int WRONG = 3;
    static final int SILENT = 4;
    static final int GONE = 5;

    @Mixin
    private DaemonsOrArchive daemons = new DaemonsOrArchive();

    @Mixin
    private Output output = new Output();

    /** For picocli. */
    StatusCommand() {}

    @Override
    public Integer call() {
        return show(daemons, output);
    }

    /** Shows it, and returns the exit code that says it. */
    static int show(final Daemons daemons, final Output output) {
        final List<DaemonRecord> found = daemons.read();
        final List<Map<String, Object>> json = new ArrayList<>();
        final List<DamagedRecord> damaged = daemons.damaged();
        int exitCode = !damaged.isEmpty() ? WRONG : found.isEmpty() ? GONE : OK;
        for (final DaemonRecord daemon : found) {
            final List<Finding> findings = Diagnosis.of(daemon);
            exitCode = Math.max(exitCode, Diagnosis.exitCode(daemon, findings));
            json.add(Diagnosis.json(daemon, findings));
            if (!output.isJson()) {
                output.line(heading(daemon, daemons));
                findings.forEach(finding -> output.line(finding.line()));
            }
        }
        damaged.forEach(each -> json.add(Diagnosis.json(each)));
        if (output.isJson()) {
            output.out().println(JsonOutput.of(json));
        } else if (!damaged.isEmpty()) {
            damaged.forEach(each -> output.out().println(text(each)));
        } else if (found.isEmpty()) {
            output.line(daemons.missing());
        }
        return exitCode;
    }

    /** The same of one whose status cannot be read. */
    static String text(final DamagedRecord damaged) {
        return damaged.name() + ": unreadable\n"
                + Diagnosis.of(damaged).stream().map(Finding::line).collect(Collectors.joining("\n"));
    }

    static String heading(final DaemonRecord daemon, final Daemons daemons) {
        final long namespace = daemon.number("networkNamespace");
        return Words.title(daemon) + ": " + daemon.liveness().label() + ", network namespace " + namespace
                + daemons.whichNamespace(namespace);
    }
}
