/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Sends datagrams as fast as it can, of a number of flows in turns: each is a socket, so a source port, of its own. One thread. */
final class FlowSender implements AutoCloseable {
    static final int PORT = 7005;

    private final List<DatagramChannel> channels = new ArrayList<>();
    private final ByteBuffer packet;

    FlowSender(final String own, final String peer, final int flows, final int payloadLength) throws IOException {
        packet = ByteBuffer.allocateDirect(payloadLength);
        try {
            for (int i = 0; i < flows; i++) {
                final DatagramChannel channel = DatagramChannel.open();
                channels.add(channel);
                channel.bind(new InetSocketAddress(own, 0));
                channel.connect(new InetSocketAddress(peer, PORT));
            }
        } catch (final IOException ex) {
            close();
            throw new IOException("open socket " + channels.size() + " of " + flows + ": " + ex.getMessage(), ex);
        }
    }

    /** Returns how many bytes of payload the kernel took. */
    long send(final long durationMs) throws IOException {
        final long endNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(durationMs);
        long sentBytes = 0;
        int flow = 0;
        while (System.nanoTime() < endNs) {
            sentBytes += channels.get(flow).write(packet.clear());
            flow = flow + 1 < channels.size() ? flow + 1 : 0;
        }
        return sentBytes;
    }

    @Override
    public void close() throws IOException {
        for (final DatagramChannel channel : channels) {
            channel.close();
        }
    }
}
