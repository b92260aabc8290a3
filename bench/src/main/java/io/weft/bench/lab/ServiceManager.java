/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.bench.stats.Stopwatch;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * Plays systemd for the daemon of one node ({@code scripts/service-manager}): starts it again and again, and keeps the descriptors
 * that it stores meanwhile. One thread.
 */
public final class ServiceManager implements AutoCloseable {
    private static final Path PROGRAM = Path.of(System.getProperty("weft.root", ""), "scripts", "service-manager");
    private static final Pattern MAIN = Pattern.compile("main process (\\d+) with");
    private static final String ENDED = "has ended with";

    private final Process process;
    private final Path log;
    private int starts;

    private ServiceManager(final Process process, final Path log) {
        this.process = process;
        this.log = log;
    }

    /**
     * Starts the manager, which starts nothing yet.
     *
     * @param socket that the daemon is to send its descriptors to.
     * @param log what both say.
     * @param daemon the words that start it.
     */
    static ServiceManager start(final Path socket, final Path log, final List<String> daemon) throws IOException {
        Files.deleteIfExists(log);
        final List<String> words = Command.words(
                List.of(PROGRAM.toAbsolutePath().toString(), socket.toString()), daemon.toArray(String[]::new));
        return new ServiceManager(Command.start(log.toFile(), words), log);
    }

    /** Has the daemon started, as soon as the one before has ended. */
    public void startDaemon() {
        starts++;
        try {
            final OutputStream input = process.getOutputStream();
            input.write("start\n".getBytes(US_ASCII));
            input.flush();
        } catch (final IOException ended) {
            throw new Command.CommandException("the service manager has ended: " + said());
        }
    }

    /** Waits until the daemon is ready that was started last. */
    public void awaitReady() {
        Stopwatch.secondsUntil(
                System.nanoTime(),
                () -> "ready in " + said(),
                () -> lastStart()
                        .map(start -> said().indexOf("ready: ", start.end()) >= 0)
                        .orElse(false));
    }

    /**
     * Sends the daemon that is ready a signal that ends it.
     *
     * @param signal such as {@code KILL}.
     */
    public void end(final String signal) {
        Command.run("kill", "-" + signal, lastStart().orElseThrow().group(1));
    }

    /** Where the manager tells of the last start that it was asked for; empty until it does. */
    private Optional<MatchResult> lastStart() {
        return MAIN.matcher(said()).results().skip(Math.max(0, starts - 1)).findFirst();
    }

    private String said() {
        try {
            return Files.readString(log, UTF_8);
        } catch (final IOException ex) {
            throw new UncheckedIOException(ex);
        }
    }

    /** Ends the daemon, and the manager with it. */
    @Override
    public void close() throws IOException {
        lastStart()
                .filter(start -> said().indexOf(ENDED, start.end()) < 0)
                .ifPresent(start -> Command.tryRun(List.of("kill", "-KILL", start.group(1))));
        process.getOutputStream().close();
        Command.end(process);
    }
}
