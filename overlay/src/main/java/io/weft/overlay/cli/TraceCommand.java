/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.dataplane.capture.CaptureFilter;
import io.weft.overlay.capture.CaptureQuestion;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Tells the way of the next packets in words. */
@Command(
        name = "trace",
        mixinStandardHelpOptions = true,
        description = {
            "Tells of the next packets what is found out, decided and done about each, in both halves of its way: what was"
                    + " looked up and how it was sent; or who sent it, and how it was delivered; or why it was dropped.",
            "Ends when there are enough, when it is told to (Ctrl-C), or when nobody reads what it prints any more.",
            "Exit codes: 0, also when it was told to end; 1, nobody answers; 2, wrong arguments."
        })
final class TraceCommand implements Callable<Integer> {
    private static final int COUNT_DEFAULT = 10;

    /** Tunnel header and all headers of a packet: more is not told of. */
    private static final int SNAPSHOT_LENGTH = 256;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(
            names = {"-n", "--count"},
            paramLabel = "PACKETS",
            defaultValue = "" + COUNT_DEFAULT,
            description = "ends after so many (default: ${DEFAULT-VALUE})")
    private long count = COUNT_DEFAULT;

    @Mixin
    private PacketFilter filter = new PacketFilter();

    @Mixin
    private DaemonFiles files = new DaemonFiles();

    @Mixin
    private Output output = new Output();

    /** For picocli. */
    TraceCommand() {}

    @Override
    public Integer call() {
        if (count < 1) {
            throw new ParameterException(spec.commandLine(), "--count=" + count + ": has to be 1 or more");
        }
        final CaptureQuestion question = new CaptureQuestion(
                filter.of(CaptureFilter.Kind.STEPS, null),
                output.isJson() ? CaptureQuestion.Form.JSON : CaptureQuestion.Form.TEXT,
                count,
                SNAPSHOT_LENGTH);
        final Path socket = files.file(".sock");
        try (FollowedAnswer answer = FollowedAnswer.of(files, question.toString())) {
            for (byte[] part = answer.next(); null != part; part = answer.next()) {
                output.out().print(new String(part, UTF_8));
                if (!output.flush()) {
                    return 0;
                }
            }
            spec.commandLine().getErr().println(answer.words());
            answer.complete();
            return 0;
        } catch (final IOException ended) {
            throw new IllegalStateException("the daemon at " + socket + " has ended", ended);
        }
    }
}
