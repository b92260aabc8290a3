/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.Node;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/** Echo requests from one pod to another, one every few milliseconds, whether they are answered or not. */
public final class EchoStream implements AutoCloseable {
    private static final String INTERVAL_S = "0.005";
    private static final long POLL_NS = TimeUnit.MICROSECONDS.toNanos(200);
    private static final long LIMIT_NS = TimeUnit.MINUTES.toNanos(2);
    private static final long SILENCE_NS = TimeUnit.MILLISECONDS.toNanos(100);

    private final Node from;
    private final Node to;
    private final Process process;
    private final AtomicLong longestGapNs = new AtomicLong();
    private volatile long lastReplyNs = System.nanoTime();

    private EchoStream(final Node from, final Node to, final Process process) {
        this.from = from;
        this.to = to;
        this.process = process;
        final Thread reader = new Thread(this::read, "echo-stream");
        reader.setDaemon(true);
        reader.start();
    }

    /** Starts it; there need be no way yet. */
    public static EchoStream start(final Node from, final Node to) {
        return new EchoStream(from, to, Command.converse(from.inPod("ping", "-n", "-i", INTERVAL_S, to.podAddress())));
    }

    private void read() {
        try (BufferedReader lines = process.inputReader()) {
            for (String line = lines.readLine(); null != line; line = lines.readLine()) {
                if (line.contains("bytes from " + to.podAddress())) {
                    final long nowNs = System.nanoTime();
                    longestGapNs.accumulateAndGet(nowNs - lastReplyNs, Math::max);
                    lastReplyNs = nowNs;
                }
            }
        } catch (final IOException ended) {
            // close() took the process away.
        }
    }

    /**
     * Waits for a reply after a moment, both by {@link System#nanoTime}.
     *
     * @return when it came.
     * @throws Command.CommandException if none comes within two minutes.
     */
    public long awaitReply(final long afterNs) {
        while (lastReplyNs - afterNs <= 0) {
            if (System.nanoTime() - afterNs > LIMIT_NS) {
                throw new Command.CommandException(
                        "pod " + from.letter() + " gets no reply from pod " + to.letter() + " within two minutes");
            }
            LockSupport.parkNanos(POLL_NS);
        }
        return lastReplyNs;
    }

    /** Waits until the last reply is out of the pipe. */
    public void awaitSilence() {
        while (System.nanoTime() - lastReplyNs < SILENCE_NS) {
            LockSupport.parkNanos(POLL_NS);
        }
    }

    /** The longest time without a reply since the last call of this, in seconds. */
    public double takeLongestGapSeconds() {
        return longestGapNs.getAndSet(0) / 1e9;
    }

    @Override
    public void close() {
        Command.end(process);
    }
}
