/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine;

/** Has {@code weft} run where an operator would: in a node's network namespace, with what its daemon has on record. */
final class Operator {
    private final NetworkNamespace namespace;
    private final Path runDirectory;
    private final StringWriter errors = new StringWriter();

    Operator(final NetworkNamespace namespace, final Path runDirectory) {
        this.namespace = namespace;
        this.runDirectory = runDirectory;
    }

    /** What all commands have said on standard error. */
    String errors() {
        return errors.toString();
    }

    private int execute(final StringWriter out, final String... arguments) {
        return namespace.call(() -> {
            final CommandLine line = WeftCommand.commandLine();
            line.setOut(new PrintWriter(out, true));
            line.setErr(new PrintWriter(errors, true));
            return line.execute(Stream.concat(Stream.of(arguments), Stream.of("--run-dir=" + runDirectory))
                    .toArray(String[]::new));
        });
    }

    private static String steady(final String text) {
        return text.replaceAll("\\d+\\.\\d\\d ms", "N ms")
                .replaceAll("RttNs\":\\d+", "RttNs\":N")
                .replaceAll("(checked|found) \\d+ (s|min) ago", "$1 N s ago");
    }

    /** What a command prints, round trips left out. */
    String run(final int exitCode, final String... arguments) {
        final StringWriter out = new StringWriter();
        assertEquals(exitCode, execute(out, arguments), () -> out + " " + errors);
        return steady(out.toString());
    }

    /** What status says, whatever it finds: on a busy machine a daemon may look hung for a while. */
    String status() {
        final StringWriter out = new StringWriter();
        execute(out, "status");
        return steady(out.toString());
    }

    /** A busy machine may be late with an answer, and with what is on record. */
    private void await(final List<Integer> exitCodes, final List<String> command, final String... words) {
        await(() -> {}, exitCodes, command, words);
    }

    private void await(
            final Runnable before, final List<Integer> exitCodes, final List<String> command, final String... words) {
        final String[] found = {""};
        Await.until(() -> String.join(" ... ", words) + "\nnot in\n" + found[0] + errors, Await.TIMEOUT_MS, () -> {
            before.run();
            final StringWriter out = new StringWriter();
            final int code = execute(out, command.toArray(String[]::new));
            found[0] = code + " " + steady(out.toString());
            return (exitCodes.isEmpty() || exitCodes.contains(code))
                    && List.of(words).stream().allMatch(found[0]::contains);
        });
    }

    /** The whole of what a command prints when all is well. */
    void awaitGolden(final String file, final String... command) throws IOException {
        final String golden = Files.readString(Path.of("src/test/golden").resolve(file));
        Await.until(() -> file + ": " + run(0, command), Await.TIMEOUT_MS, () -> golden.equals(run(0, command)));
    }

    void awaitPing(final int exitCode, final Topology.Node peer, final String... words) {
        awaitPing(exitCode, peer.underlayAddress(), words);
    }

    void awaitPing(final int exitCode, final String address, final String... words) {
        await(List.of(exitCode), List.of("ping", address), words);
    }

    /**
     * Status and ping tell of packets that are dropped, as long as they are.
     *
     * @param sends them, again and again: on a slow machine the last ones may be of a time ago.
     */
    void awaitDrops(final Runnable sends, final int exitCode, final Topology.Node peer, final String words) {
        await(sends, List.of(), List.of("status"), "  drops     WRONG  ", words);
        await(sends, List.of(exitCode), List.of("ping", peer.underlayAddress()), "  status     drops ", words);
    }

    void awaitStatus(final String... words) {
        await(List.of(), List.of("status"), words);
    }

    void awaitExplanation(final int exitCode, final String address, final String... words) {
        await(List.of(exitCode), List.of("explain", address), words);
    }

    /** The same of a packet that a certain pod sends. */
    void awaitExplanationFrom(final String source, final int exitCode, final String address, final String... words) {
        await(List.of(exitCode), List.of("explain", address, "--from=" + source), words);
    }

    /** The same, with something done before it is asked for. */
    void awaitExplanation(final Runnable before, final int exitCode, final String address, final String... words) {
        await(before, List.of(exitCode), List.of("explain", address), words);
    }

    void awaitWell(final Topology.Node peer) {
        awaitPing(0, peer, peer.subnet() + ": ok, underlay N ms up to 1500 bytes, overlay N ms up to 1450 bytes\n");
    }

    /**
     * All three commands say what is wrong with this node itself.
     *
     * @param peer that a packet is to go to, and could.
     * @param words that follow upon each other, of cause and remedy.
     */
    void awaitFault(final Topology.Node peer, final String part, final String words) {
        awaitFault(0, peer, part, words);
    }

    /** The same, where explain has another exit code than 0. */
    void awaitFault(final int explained, final Topology.Node peer, final String part, final String words) {
        awaitStatus(String.format("  %-10sWRONG  %s", part, words));
        final String line = "  status     " + part + " " + words;
        awaitPing(0, peer, line);
        awaitExplanation(explained, peer.podAddress(), line);
    }

    /**
     * All three commands say what is wrong with the way to a peer.
     *
     * @param state of the way.
     * @param words of cause and remedy.
     */
    void awaitFaultOfWay(final Topology.Node peer, final String state, final String... words) {
        awaitPing(3, peer, with(": WRONG " + state + ", ", words));
        awaitStatus(with(" do not answer as they should: " + peer.underlayAddress() + " " + state + ": ", words));
        awaitExplanation(
                state.endsWith("-mtu") ? 0 : 1, // short packets arrive
                peer.podAddress(),
                with("  check      " + peer.underlayAddress() + " was found " + state + " ", words));
    }

    private static String[] with(final String first, final String... others) {
        return Stream.concat(Stream.of(first), Stream.of(others)).toArray(String[]::new);
    }
}
