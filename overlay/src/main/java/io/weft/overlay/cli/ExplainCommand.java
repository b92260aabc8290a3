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
        IpAddress.parse(address);
        if (null != source) {
            IpAddress.parse(source);
        }
        try {
            final String answer =
                    ControlSocket.ask(socket, "explain " + address + (null == source ? "" : " " + source));
            spec.commandLine().getOut().println(answer);
            files.daemon()
                    .ifPresent(daemon -> new Hindrances(daemon, IpAddress.parse(address))
                            .lines(answer.lines().anyMatch(NO_ROUTE::equals))
                            .forEach(spec.commandLine().getOut()::println));
            return answer.lines().anyMatch(line -> line.endsWith(DROPPED)) ? 1 : 0;
        } catch (final IOException failure) {
            throw DaemonFiles.silence(socket, failure);
        }
    }
}
