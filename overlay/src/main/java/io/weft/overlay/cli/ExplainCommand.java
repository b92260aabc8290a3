/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.overlay.ops.ControlSocket;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Asks the running daemon where a packet would go. */
@Command(
        name = "explain",
        mixinStandardHelpOptions = true,
        description = {
            "Shows which route, neighbour, FDB entry and rewrite a destination gets, from the tables in use; or that the packet"
                    + " is not the overlay's. What weft status finds wrong follows.",
            "Exit codes: 0; 1, the packet would be dropped, or nobody answers; 2, wrong arguments."
        })
final class ExplainCommand implements Callable<Integer> {
    /** How a line of the answer ends that tells why a packet would be dropped. */
    private static final String DROPPED = ": dropped";

    private static final String NO_ROUTE = "  route      none: dropped";

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(paramLabel = "ADDRESS", description = "IPv4 or IPv6 address of a pod")
    private String address = "";

    @Option(
            names = "--from",
            paramLabel = "ADDRESS",
            description = "of the pod that sends it; of another node's pod to one of this node: how it comes in")
    private @Nullable String source;

    @Mixin
    private DaemonFiles files = new DaemonFiles();

    /** For picocli. */
    ExplainCommand() {}

    @Override
    public Integer call() {
        final Path socket = files.file(".sock");
        final IpAddress destination = IpAddress.parse(address);
        final @Nullable IpAddress from = null == source ? null : IpAddress.parse(source);
        try {
            final String answer = ask(socket, destination, from);
            spec.commandLine().getOut().println(answer);
            files.daemon()
                    .ifPresent(daemon -> new Hindrances(daemon, destination)
                            .lines(answer.lines().anyMatch(NO_ROUTE::equals))
                            .forEach(spec.commandLine().getOut()::println));
            return isDropped(answer) ? 1 : 0;
        } catch (final IOException failure) {
            throw DaemonFiles.silence(socket, failure);
        }
    }

    static String ask(final Path socket, final IpAddress destination, final @Nullable IpAddress source)
            throws IOException {
        return ControlSocket.ask(socket, "explain " + destination + (null == source ? "" : " " + source));
    }

    /** Whether an answer tells of a packet that would be dropped. */
    static boolean isDropped(final String answer) {
        return answer.lines().anyMatch(line -> line.endsWith(DROPPED));
    }
}
