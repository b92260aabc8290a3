/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * The program that talks in a pod: {@code Peer OWN_ADDRESS}. It serves the other pods and obeys lines on standard input,
 * one answer line to each: {@code ok ...} or {@code failed why}. Ends when standard input does, so it never outlives the
 * program that started it.
 *
 * <pre>
 * tcp ADDRESS LENGTH                          transfer, compared at the far end
 * udp ADDRESS MIN_LENGTH MAX_LENGTH           one datagram of each length and back: ok REPEATED
 * receive RUN ADDRESS                         open-loop receiver, from ADDRESS
 * send RUN ADDRESS RATE COUNT LENGTH          open-loop sender: ok SENT
 * collect EXPECTED                            the receiver's result: ok RECEIVED SILENCE_NS HISTOGRAM
 * superframes ADDRESS DURATION_MS             UDP superframes as fast as can be: ok SENT_BYTES
 * superframe-bytes                            payload of superframes that came so far: ok RECEIVED_BYTES
 * flows ADDRESS FLOWS LENGTH DURATION_MS      datagrams of so many flows as fast as can be: ok SENT_BYTES
 * flow-bytes                                  payload of flows that came so far: ok RECEIVED_BYTES
 * requests ADDRESS CONNECTIONS LENGTH DURATION_MS    requests with answers of LENGTH over connections that stay: ok ANSWERED
 * connections ADDRESS COUNT LENGTH DURATION_MS       COUNT at a time, each for one request: ok SET_UP
 * </pre>
 */
public final class Peer {
    private final String address;
    private @Nullable OpenLoopReceiver receiver;
    private @Nullable OpenLoopSender sender;
    private @Nullable PayloadReceiver superframeReceiver;
    private @Nullable PayloadReceiver flowReceiver;

    private Peer(final String address) {
        this.address = address;
    }

    public static void main(final String[] args) throws IOException {
        new Peer(args[0]).run();
    }

    private void run() throws IOException {
        final ServerSocket server = new ServerSocket(TcpTransfer.PORT, 16, InetAddress.getByName(address));
        final DatagramSocket socket = UdpExchange.bind(address);
        serve("tcp", () -> TcpTransfer.serve(server));
        serve("udp", () -> UdpExchange.serve(socket));
        serve("requests", RequestServer.bind(address));
        final BufferedReader input = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        final PrintStream output = new PrintStream(System.out, true, UTF_8);
        output.println("ok");
        String line = input.readLine();
        while (null != line) {
            output.println(answer(line));
            line = input.readLine();
        }
    }

    private String answer(final String line) {
        try {
            return ("ok " + obey(line.split(" ", -1))).strip();
        } catch (final IOException ex) {
            return "failed " + ex.getMessage();
        }
    }

    private String obey(final String[] words) throws IOException {
        return switch (words[0]) {
            case "tcp" -> {
                TcpTransfer.send(words[1], Long.parseLong(words[2]));
                yield "";
            }
            case "udp" ->
                String.valueOf(UdpExchange.send(words[1], Integer.parseInt(words[2]), Integer.parseInt(words[3])));
            case "receive" -> {
                receiver(words[2]).start(Integer.parseInt(words[1]));
                yield "";
            }
            case "send" -> String.valueOf(send(words));
            case "collect" -> collect(Long.parseLong(words[1]));
            case "superframes" -> {
                try (SuperframeSender superframes = new SuperframeSender(address, words[1])) {
                    yield String.valueOf(superframes.send(Long.parseLong(words[2])));
                }
            }
            case "superframe-bytes" -> String.valueOf(superframeReceiver().receivedBytes());
            case "flows" -> {
                try (FlowSender flows =
                        new FlowSender(address, words[1], Integer.parseInt(words[2]), Integer.parseInt(words[3]))) {
                    yield String.valueOf(flows.send(Long.parseLong(words[4])));
                }
            }
            case "flow-bytes" -> String.valueOf(flowReceiver().receivedBytes());
            case "requests" ->
                String.valueOf(RequestClient.keep(
                        words[1], Integer.parseInt(words[2]), Integer.parseInt(words[3]), Long.parseLong(words[4])));
            case "connections" ->
                String.valueOf(RequestClient.connect(
                        words[1], Integer.parseInt(words[2]), Integer.parseInt(words[3]), Long.parseLong(words[4])));
            default -> throw new IOException("unknown command " + words[0]);
        };
    }

    private OpenLoopReceiver receiver(final String from) throws IOException {
        OpenLoopReceiver current = receiver;
        if (null == current) {
            current = new OpenLoopReceiver(address, from);
            receiver = current;
        }
        return current;
    }

    private PayloadReceiver superframeReceiver() throws IOException {
        PayloadReceiver current = superframeReceiver;
        if (null == current) {
            current = PayloadReceiver.ofSuperframes(address);
            superframeReceiver = current;
        }
        return current;
    }

    private PayloadReceiver flowReceiver() throws IOException {
        PayloadReceiver current = flowReceiver;
        if (null == current) {
            current = PayloadReceiver.ofFlows(address);
            flowReceiver = current;
        }
        return current;
    }

    private int send(final String[] words) throws IOException {
        OpenLoopSender current = sender;
        if (null == current) {
            current = new OpenLoopSender(address, words[2]);
            sender = current;
        }
        return current.send(
                Integer.parseInt(words[1]),
                Double.parseDouble(words[3]),
                Integer.parseInt(words[4]),
                Integer.parseInt(words[5]));
    }

    private String collect(final long expected) throws IOException {
        final OpenLoopReceiver current = receiver;
        if (null == current) {
            throw new IOException("collect before receive");
        }
        final long received = current.awaitReceived(expected);
        final Histogram latencies = current.latencies();
        final ByteBuffer buffer = ByteBuffer.allocate(latencies.getNeededByteBufferCapacity());
        final int length = latencies.encodeIntoCompressedByteBuffer(buffer);
        return received + " " + current.longestSilenceNs() + " "
                + Base64.getEncoder().encodeToString(Arrays.copyOf(buffer.array(), length));
    }

    /** Serves until its socket is closed. */
    interface Service {
        void serve() throws IOException;
    }

    /** Starts a service on a thread that does not hold the program. */
    static void serve(final String name, final Service service) {
        final Thread thread = new Thread(
                () -> {
                    try {
                        service.serve();
                    } catch (final IOException ex) {
                        System.err.println("peer: serve " + name + ": " + ex.getMessage());
                    }
                },
                name);
        thread.setDaemon(true);
        thread.start();
    }
}
