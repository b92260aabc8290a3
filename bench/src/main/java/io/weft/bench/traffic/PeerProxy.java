/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.Jvm;
import io.weft.bench.lab.Node;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.zip.DataFormatException;
import org.HdrHistogram.Histogram;

/** Starts a {@link Peer} in a node's pod and speaks for it. Each call blocks until the peer has answered. One thread. */
public final class PeerProxy implements AutoCloseable {
    /**
     * What arrived of an open-loop run.
     *
     * @param received packets.
     * @param longestSilenceNs the longest time between two of them, or before the first.
     * @param latencies how late they came after their intended send time, in ns.
     */
    public record Arrival(long received, long longestSilenceNs, Histogram latencies) {}

    /** The longest UDP payload. */
    public static final int MAX_DATAGRAM_LENGTH = UdpExchange.MAX_LENGTH;

    /** In the message when a datagram does not come back, though it was sent again and again. */
    public static final String NOT_RETURNED = UdpExchange.NOT_RETURNED;

    private final Node node;
    private final Process process;
    private final BufferedReader answers;
    private final BufferedWriter commands;

    private PeerProxy(final Node node, final Process process) {
        this.node = node;
        this.process = process;
        answers = process.inputReader(UTF_8);
        commands = process.outputWriter(UTF_8);
    }

    /** Starts the peer; it serves when this returns. */
    public static PeerProxy start(final Node node) throws IOException {
        final String[] words = Jvm.words(Peer.class, node.podAddress()).toArray(String[]::new);
        final PeerProxy proxy = new PeerProxy(node, Command.converse(node.inPod(words)));
        proxy.answer();
        return proxy;
    }

    /** Sends a TCP stream of {@code length} bytes to another pod and has it compared there. */
    public void tcp(final Node to, final long length) throws IOException {
        ask("tcp " + to.podAddress() + " " + length);
    }

    /**
     * Sends one datagram of each length to another pod and has it compared there and here.
     *
     * @return how many had to be sent again.
     */
    public int udp(final Node to, final int minLength, final int maxLength) throws IOException {
        return Integer.parseInt(ask("udp " + to.podAddress() + " " + minLength + " " + maxLength));
    }

    /** Makes ready for packets of an open-loop run. */
    public void receive(final int run, final Node from) throws IOException {
        ask("receive " + run + " " + from.podAddress());
    }

    /** Sends an open-loop run and returns how many packets left. */
    public int send(final int run, final Node to, final double packetsPerSecond, final int count, final int length)
            throws IOException {
        return Integer.parseInt(
                ask("send " + run + " " + to.podAddress() + " " + packetsPerSecond + " " + count + " " + length));
    }

    /** Waits for the end of the run and returns what arrived. */
    public Arrival collect(final long expected) throws IOException {
        final String[] words = ask("collect " + expected).split(" ", -1);
        try {
            final ByteBuffer encoded = ByteBuffer.wrap(Base64.getDecoder().decode(words[2]));
            return new Arrival(
                    Long.parseLong(words[0]),
                    Long.parseLong(words[1]),
                    Histogram.decodeFromCompressedByteBuffer(encoded, 0));
        } catch (final DataFormatException ex) {
            throw new IOException("pod " + node.letter() + " sent a broken histogram", ex);
        }
    }

    /** Sends UDP superframes for a time and returns how many bytes of payload left. */
    public long superframes(final Node to, final long durationMs) throws IOException {
        return Long.parseLong(ask("superframes " + to.podAddress() + " " + durationMs));
    }

    /** How many bytes of payload of UDP superframes have come so far. The first call begins to listen. */
    public long superframeBytes() throws IOException {
        return Long.parseLong(ask("superframe-bytes"));
    }

    /** Sends datagrams of a number of flows in turns for a time, as fast as can be, and returns how many bytes of payload left. */
    public long flows(final Node to, final int flows, final int payloadLength, final long durationMs)
            throws IOException {
        return Long.parseLong(ask("flows " + to.podAddress() + " " + flows + " " + payloadLength + " " + durationMs));
    }

    /** How many bytes of payload of such flows have come so far. The first call begins to listen. */
    public long flowBytes() throws IOException {
        return Long.parseLong(ask("flow-bytes"));
    }

    /** Sends requests over connections that stay, one at a time on each, and returns how many were answered in the time. */
    public long requests(final Node to, final int connections, final int answerLength, final long durationMs)
            throws IOException {
        return Long.parseLong(
                ask("requests " + to.podAddress() + " " + connections + " " + answerLength + " " + durationMs));
    }

    /** Sets up connections, a number at a time, each for one request, and returns how many came to their end in the time. */
    public long connections(final Node to, final int atATime, final int answerLength, final long durationMs)
            throws IOException {
        return Long.parseLong(
                ask("connections " + to.podAddress() + " " + atATime + " " + answerLength + " " + durationMs));
    }

    private String ask(final String command) throws IOException {
        commands.write(command);
        commands.newLine();
        commands.flush();
        return answer();
    }

    private String answer() throws IOException {
        final String line = answers.readLine();
        if (null == line) {
            throw new IOException("the peer in pod " + node.letter() + " has ended");
        }
        if (!line.startsWith("ok")) {
            throw new IOException("pod " + node.letter() + ": " + line);
        }
        return line.substring("ok".length()).strip();
    }

    @Override
    public void close() {
        Command.end(process);
    }
}
