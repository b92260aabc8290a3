/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.lifecycle.FileFailure;
import io.weft.overlay.options.Version;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.ReportFile;
import java.io.File;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** All that is on record, and what the host says of its network, in one file for whoever is asked for help. */
@Command(
        name = "report",
        mixinStandardHelpOptions = true,
        description = {
            "Writes what all daemons have on record, and what the host says of its network, into one archive for a bug report.",
            "It has addresses, the rules of the host's firewall with their comments, and the names of the host and of devices in it, and"
                    + " no keys, passwords, command lines or packets."
        })
final class ReportCommand implements Callable<Integer> {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss");
    private static final long TOOL_TIMEOUT_S = 10;
    private static final long LOOK_MS = 100;

    /** Of what one tool says; kube-proxy makes rules by the hundred thousand. */
    private static final int ANSWER_LENGTH_MAX = 8 << 20;

    /** What the host says, each by a tool that changes nothing; in the network namespace that this command runs in. */
    private static final List<List<String>> QUESTIONS = List.of(
            List.of("uname", "-srm"),
            List.of("ip", "-details", "-statistics", "link"),
            List.of("ip", "address"),
            List.of("ip", "route", "show", "table", "all"),
            List.of("ip", "rule"),
            List.of("ip", "-6", "rule"),
            List.of("ip", "neigh"),
            List.of("bridge", "fdb"),
            List.of("ss", "--udp", "--all", "--numeric", "--memory"),
            List.of("nft", "list", "ruleset"),
            List.of("iptables-save"),
            List.of("ip6tables-save"),
            List.of("iptables-legacy-save"),
            List.of("ip6tables-legacy-save"),
            List.of("sysctl", "--all", "--pattern", "^net[.]ipv[46][.].*(forward|rp_filter|disable_ipv6)"));

    private static final Path STANDARD_OUTPUT = Path.of("-");

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private Daemons daemons = new Daemons();

    @Mixin
    private Output output = new Output();

    @Option(
            names = {"-w", "--write"},
            paramLabel = "FILE|-",
            description = "- is standard output; default: weft-report-<time>.zip, in this directory")
    private @Nullable Path file;

    /** For picocli. */
    ReportCommand() {}

    @Override
    public Integer call() throws InterruptedException {
        final boolean isToStandardOutput = STANDARD_OUTPUT.equals(file);
        if (isToStandardOutput) {
            Output.refuseTerminal(spec.commandLine(), "archive");
        }
        final List<DaemonRecord> found = daemons.read();
        if (found.isEmpty() && daemons.damaged().isEmpty()) {
            throw new IllegalStateException(daemons.missing());
        }
        final Path written =
                null == file ? Path.of("weft-report-" + TIME.format(ZonedDateTime.now(ZoneOffset.UTC)) + ".zip") : file;
        final Map<String, String> texts = new LinkedHashMap<>();
        texts.put("status.txt", status(found));
        for (final List<String> question : QUESTIONS) {
            texts.put("host/" + fileName(question) + ".txt", answer(question));
        }
        try {
            final ReportFile.Origin origin = ReportFile.Origin.here(Version.text());
            if (isToStandardOutput) {
                ReportFile.writeTo(
                        new FileOutputStream(FileDescriptor.out), daemons.runDirectory(), found, texts, origin);
                return 0;
            }
            ReportFile.write(written, daemons.runDirectory(), found, texts, origin);
        } catch (final IOException failure) {
            throw new IllegalStateException(
                    "write " + (isToStandardOutput ? "standard output" : written) + ": " + FileFailure.words(failure),
                    failure);
        }
        output.out().println(output.isJson() ? JsonOutput.of(Map.of("file", written.toString())) : written);
        return 0;
    }

    private String status(final List<DaemonRecord> found) {
        return Stream.concat(
                        found.stream()
                                .map(daemon -> StatusCommand.heading(daemon, daemons) + "\n"
                                        + Diagnosis.of(daemon).stream()
                                                .map(Finding::line)
                                                .collect(Collectors.joining("\n"))),
                        daemons.damaged().stream().map(StatusCommand::text))
                .collect(Collectors.joining("\n", "", "\n"));
    }

    /** Without a pattern, which has characters in it that other systems take for no name. */
    private static String fileName(final List<String> question) {
        return question.stream().filter(word -> word.matches("[-\\w]+")).collect(Collectors.joining(" "));
    }

    /** A tool that is missing, or hangs, is told of in its place. */
    private static String answer(final List<String> question) throws InterruptedException {
        try {
            final File output = Files.createTempFile("weft-report-", ".txt").toFile();
            try {
                final Process process = new ProcessBuilder(question)
                        .redirectErrorStream(true)
                        .redirectOutput(output)
                        .start();
                final String trouble = await(process, output);
                try (InputStream in = Files.newInputStream(output.toPath())) {
                    return new String(in.readNBytes(ANSWER_LENGTH_MAX), UTF_8) + trouble;
                }
            } finally {
                Files.delete(output.toPath());
            }
        } catch (final IOException failure) {
            return FileFailure.words(failure) + "\n";
        }
    }

    /** Ends one that says no end of things, or takes its time. Returns that it did; empty where the tool came to its end. */
    private static String await(final Process process, final File output) throws InterruptedException {
        final long beginNs = System.nanoTime();
        try {
            while (!process.waitFor(LOOK_MS, TimeUnit.MILLISECONDS)) {
                if (output.length() > ANSWER_LENGTH_MAX) {
                    break;
                }
                if (System.nanoTime() - beginNs > TimeUnit.SECONDS.toNanos(TOOL_TIMEOUT_S)) {
                    return "\nno answer within " + TOOL_TIMEOUT_S + " s\n";
                }
            }
        } finally {
            process.destroyForcibly();
        }
        return output.length() > ANSWER_LENGTH_MAX ? "\nand more, which is left out\n" : "";
    }
}
