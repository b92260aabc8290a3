/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.overlay.capture.IngressAnswer;
import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.ops.ControlSocket;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.Liveness;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Asks the daemon where a packet would go, or what it has left on record. */
@Command(
        name = "explain",
        mixinStandardHelpOptions = true,
        description = {
            "Shows which route, neighbour, FDB entry and rewrite a destination gets, from the tables in use; or that the packet"
                    + " is not the overlay's. What weft status finds wrong follows. Of a weftd that does not answer, by the tables"
                    + " that it left on disk.",
            "Exit codes: 0, the packet arrives for all that is known here, whatever becomes of answers: also where the last check got"
                    + " none because this node itself drops what comes; 1, it would be dropped or not arrive, as far as can be told"
                    + " here, or nothing is known; 2, wrong arguments; 3, whether it arrives is not known: its node did not answer"
                    + " the last check, though something has come from it, or weftd of this node hangs."
        })
final class ExplainCommand implements Callable<Integer> {
    /** How a line of the answer ends that tells why a packet would be dropped. */
    private static final String DROPPED = ": dropped";

    /** It may answer all the same: a host that stood still for a while has it look hung for a second. */
    private static final long HUNG_PATIENCE_MS = 1_000;

    /** Nobody is there to be asked, or nobody who could answer. */
    private static final Set<Liveness> MUTE = EnumSet.of(Liveness.STOPPED, Liveness.DEAD, Liveness.ENDED);

    /** What the overlay has no part in. */
    private static final Pattern NOT_OURS = Pattern.compile("  (own|outside) ");

    private static final String OUTSIDE = "  outside ";
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

    @Mixin
    private Output output = new Output();

    /** For picocli. */
    ExplainCommand() {}

    @Override
    public Integer call() {
        final Path socket = files.socket();
        final IpAddress destination = parse(address);
        final @Nullable IpAddress from = null == source ? null : parse(source);
        if (null != from && from.family() != destination.family()) {
            throw new ParameterException(
                    spec.commandLine(), "--from=" + from + ": must be of the same IP version as " + destination);
        }
        final Answer answer = answer(socket, destination, from);
        if (output.isJson()) {
            output.out().println(JsonOutput.of(answer.json()));
        } else {
            answer.lines().forEach(output::line);
        }
        return answer.arrival().exitCode();
    }

    /** The daemon's, or of what it has left on record where it does not give any. */
    private Answer answer(final Path socket, final IpAddress destination, final @Nullable IpAddress from) {
        final Optional<DaemonRecord> daemon = files.daemon();
        if (daemon.isPresent() && MUTE.contains(daemon.get().liveness())) {
            return onRecord(daemon.get(), destination, from);
        }
        try {
            return ask(socket, destination, from, daemon);
        } catch (final IOException failure) {
            return files.daemon() // it may have come to an end meanwhile
                    .filter(found -> !found.devices().isEmpty() && Liveness.LIVE != found.liveness())
                    .map(found -> onRecord(found, destination, from))
                    .orElseThrow(() -> files.silence(socket, failure));
        }
    }

    private IpAddress parse(final String text) {
        try {
            return IpAddress.parse(text);
        } catch (final IllegalArgumentException noAddress) {
            throw new ParameterException(spec.commandLine(), String.valueOf(noAddress.getMessage()), noAddress);
        }
    }

    /**
     * What becomes of a packet.
     *
     * @param isDropped whether the daemon would drop it.
     * @param arrival whether it gets to its destination, for all that is known here.
     * @param lines in words.
     * @param recorded the daemon on record, where the answer is of what it left there; null where it has answered.
     */
    record Answer(
            boolean isDropped,
            Arrival arrival,
            List<String> lines,
            @Nullable DaemonRecord recorded) {
        Map<String, Object> json() {
            final Map<String, Object> json = new LinkedHashMap<>();
            json.put("dropped", isDropped);
            json.put("arrives", arrival.json());
            json.put("lines", lines);
            return null == recorded ? json : Words.withAge(json, recorded);
        }
    }

    /**
     * Asks the daemon, and looks what else is in the packet's way.
     *
     * @param daemon on record; empty where there is none.
     */
    static Answer ask(
            final Path socket,
            final IpAddress destination,
            final @Nullable IpAddress source,
            final Optional<DaemonRecord> daemon)
            throws IOException {
        final boolean isHung =
                daemon.filter(found -> Liveness.HUNG == found.liveness()).isPresent();
        final List<String> told = ControlSocket.ask(
                        socket,
                        "explain " + destination + (null == source ? "" : " " + source),
                        isHung ? HUNG_PATIENCE_MS : ControlSocket.ASK_TIMEOUT_MS)
                .lines()
                .toList();
        return complete(told, Arrival.YES, destination, source, daemon, null);
    }

    private static Answer onRecord(
            final DaemonRecord daemon, final IpAddress destination, final @Nullable IpAddress source) {
        final RecordedAnswer recorded = new RecordedAnswer(daemon);
        return complete(
                recorded.lines(destination, source),
                recorded.arrival(),
                destination,
                source,
                Optional.of(daemon),
                daemon);
    }

    /** Adds what else is in the packet's way. */
    private static Answer complete(
            final List<String> told,
            final Arrival known,
            final IpAddress destination,
            final @Nullable IpAddress source,
            final Optional<DaemonRecord> daemon,
            final @Nullable DaemonRecord recorded) {
        final List<String> lines = new ArrayList<>(told);
        final boolean isDropped = told.stream().anyMatch(line -> line.endsWith(DROPPED));
        final boolean isOurs =
                told.stream().noneMatch(line -> NOT_OURS.matcher(line).lookingAt());
        Arrival arrival = isDropped || told.stream().anyMatch(line -> line.startsWith(IngressAnswer.NO_SENDER))
                ? Arrival.NO
                : isOurs ? known : Arrival.YES;
        if (daemon.isPresent()) {
            final Hindrances hindrances = new Hindrances(daemon.get(), destination, source, told.contains(NO_ROUTE));
            lines.addAll(hindrances.lines());
            if (told.stream().noneMatch(line -> line.startsWith(OUTSIDE))) {
                arrival = arrival.and(hindrances.arrival());
            }
        }
        return new Answer(isDropped, arrival, lines, recorded);
    }
}
