/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.dataplane.capture.Capture;
import io.weft.dataplane.capture.CaptureFilter;
import io.weft.dataplane.counters.Direction;
import io.weft.overlay.capture.CaptureQuestion;
import io.weft.overlay.host.OwnDirectory;
import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.lifecycle.FileFailure;
import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Writes packets of a running daemon to a file, for Wireshark and its like. */
@Command(
        name = "capture",
        mixinStandardHelpOptions = true,
        description = {
            "Writes packets that the daemon forwards or drops as pcapng, until it is told to end (Ctrl-C), has enough, or --duration is over.",
            "  all      each packet as it is taken in, and again if it is dropped later",
            "  egress   those of them that pods send",
            "  ingress  those of them that come from other nodes",
            "  drop     what is dropped, with the reason as comment",
            "weft capture drop -w - | tshark -r - shows them at once. What could not be kept up with is counted.",
            "Exit codes: 0, also when it was told to end or nobody reads it any more; 1, nobody answers, or the file cannot be written; 2, wrong arguments."
        })
final class CaptureCommand implements Callable<Integer> {
    private static final String STANDARD_OUTPUT = "-";

    /** A daemon's last words of a capture. */
    private static final Pattern CONCLUSION = Pattern.compile("(\\d+) packets captured, (\\d+) lost");

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(paramLabel = "all|egress|ingress|drop", arity = "0..1", defaultValue = "all")
    private What what = What.all;

    @Option(
            names = {"-w", "--write"},
            paramLabel = "FILE|-",
            required = true,
            description = "where to; - is standard output")
    private String file = "";

    @Option(
            names = "--view",
            paramLabel = "inner|outer",
            defaultValue = "inner",
            description = "the pods' packets, or the datagrams that they are in (default: ${DEFAULT-VALUE})")
    private View view = View.inner;

    @Option(
            names = {"-n", "--count"},
            paramLabel = "PACKETS",
            description = "ends after so many (default: never)")
    private @Nullable Long count;

    @Option(names = "--duration", paramLabel = "SECONDS", description = "ends after so long (default: never)")
    private @Nullable Long durationS;

    @Option(
            names = {"-s", "--snapshot-length"},
            paramLabel = "BYTES",
            description = "of each packet and what is in front of it, at most (default: all)")
    private int snapshotLength = Capture.SNAPSHOT_LENGTH_MAX;

    @Mixin
    private PacketFilter filter = new PacketFilter();

    @Mixin
    private Output output = new Output();

    @Mixin
    private DaemonFiles files = new DaemonFiles();

    /** In the words of the command. */
    enum What {
        all(CaptureFilter.Kind.ALL, null),
        egress(CaptureFilter.Kind.ALL, Direction.EGRESS),
        ingress(CaptureFilter.Kind.ALL, Direction.INGRESS),
        drop(CaptureFilter.Kind.DROPS, null);

        private final CaptureFilter.Kind kind;
        private final @Nullable Direction direction;

        What(final CaptureFilter.Kind kind, final @Nullable Direction direction) {
            this.kind = kind;
            this.direction = direction;
        }
    }

    /** In the words of the option. */
    enum View {
        inner(CaptureQuestion.Form.INNER),
        outer(CaptureQuestion.Form.OUTER);

        private final CaptureQuestion.Form form;

        View(final CaptureQuestion.Form form) {
            this.form = form;
        }
    }

    /** For picocli. */
    CaptureCommand() {}

    @Override
    public Integer call() {
        final String question = question().toString();
        if (STANDARD_OUTPUT.equals(file)) {
            Output.refuseTerminal(spec.commandLine(), "packets");
        }
        final Path socket = files.file(".sock");
        try (FollowedAnswer answer = FollowedAnswer.of(files, question)) {
            if (null != durationS) {
                answer.endAfter(durationS);
            }
            try (OutputStream packets = open()) {
                for (byte[] part = answer.next(); null != part; part = answer.next()) {
                    packets.write(part);
                }
            }
            conclude(answer.words());
            answer.complete();
            return 0;
        } catch (final EOFException ended) {
            throw new IllegalStateException(
                    "the daemon at " + socket + " has ended; " + name() + " has what came until then", ended);
        } catch (final IOException failure) {
            final String words = FileFailure.words(failure);
            if (STANDARD_OUTPUT.equals(file) && Words.READER_GONE.equals(words)) {
                return 0;
            }
            throw new IllegalStateException("write " + name() + ": " + words, failure);
        }
    }

    /** Where standard output is the packets', there is no room for anything else. */
    private void conclude(final String words) {
        final PrintWriter errors = spec.commandLine().getErr();
        final Matcher counts = CONCLUSION.matcher(words);
        if (!output.isJson() || !counts.matches()) {
            errors.println(words);
            return;
        }
        final Map<String, Object> json = new LinkedHashMap<>();
        json.put("file", file);
        json.put("captured", Long.valueOf(counts.group(1)));
        json.put("lost", Long.valueOf(counts.group(2)));
        (STANDARD_OUTPUT.equals(file) ? errors : output.out()).println(JsonOutput.of(json));
    }

    private CaptureQuestion question() {
        if (null != count && count < 1) {
            throw new ParameterException(spec.commandLine(), "--count=" + count + ": has to be 1 or more");
        }
        if (null != durationS && durationS < 1) {
            throw new ParameterException(spec.commandLine(), "--duration=" + durationS + ": has to be 1 or more");
        }
        if (snapshotLength < 1 || snapshotLength > Capture.SNAPSHOT_LENGTH_MAX) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--snapshot-length=" + snapshotLength + ": is not in 1.." + Capture.SNAPSHOT_LENGTH_MAX);
        }
        return new CaptureQuestion(
                filter.of(what.kind, what.direction), view.form, null == count ? 0 : count, snapshotLength);
    }

    private String name() {
        return STANDARD_OUTPUT.equals(file) ? "standard output" : file;
    }

    /** Packets are nobody else's business. */
    private OutputStream open() throws IOException {
        if (STANDARD_OUTPUT.equals(file)) {
            return new FileOutputStream(FileDescriptor.out);
        }
        final Path path = Path.of(file);
        final OutputStream packets = Channels.newOutputStream(Files.newByteChannel(
                path,
                Set.of(StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE),
                OwnDirectory.OWN_FILE));
        if (Files.isRegularFile(path)) { // which may have been there, for others to read
            Files.setPosixFilePermissions(path, OwnDirectory.OWN_FILE.value());
        }
        return packets;
    }
}
