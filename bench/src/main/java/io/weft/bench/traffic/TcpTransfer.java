/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Arrays;

/**
 * Sends a patterned stream over TCP; the far end compares each byte and says how far it was right.
 *
 * <pre>
 * to the far end:   seed (8) | length (8) | length bytes of the pattern
 * back:             offset of the first wrong or missing byte, or length (8)
 * </pre>
 *
 * All integers big-endian.
 */
final class TcpTransfer {
    static final int PORT = 7000;

    private static final int CHUNK_LENGTH = 64 * 1024;
    /** Longer than an outage and the retransmission time-out that has doubled meanwhile, also on a busy machine. */
    private static final int TIMEOUT_MS = 300_000;

    private TcpTransfer() {}

    /**
     * Sends {@code length} bytes and hears what arrived.
     *
     * @throws IOException if the peer cannot be reached, or a byte differs at the far end.
     */
    static void send(final String address, final long length) throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(address, PORT), TIMEOUT_MS);
            socket.setSoTimeout(TIMEOUT_MS);
            final DataOutputStream output = new DataOutputStream(socket.getOutputStream());
            output.writeLong(length);
            output.writeLong(length);
            final Pattern pattern = new Pattern(length);
            for (long offset = 0; offset < length; offset += CHUNK_LENGTH) {
                output.write(pattern.bytes(offset, (int) Math.min(CHUNK_LENGTH, length - offset)));
            }
            socket.shutdownOutput();
            final long right = new DataInputStream(socket.getInputStream()).readLong();
            if (right != length) {
                throw new IOException("TCP, " + length + " bytes to " + address + ": wrong from byte " + right);
            }
        }
    }

    /** Takes one transfer after the other until the server socket is closed. */
    static void serve(final ServerSocket server) throws IOException {
        while (true) {
            try (Socket socket = server.accept()) {
                socket.setSoTimeout(TIMEOUT_MS);
                final DataInputStream input = new DataInputStream(socket.getInputStream());
                final Pattern pattern = new Pattern(input.readLong());
                final long right = compare(input, pattern, input.readLong());
                new DataOutputStream(socket.getOutputStream()).writeLong(right);
            } catch (final EOFException ex) {
                System.err.println("peer: a TCP transfer ended within its header");
            }
        }
    }

    private static long compare(final DataInputStream input, final Pattern pattern, final long length)
            throws IOException {
        for (long offset = 0; offset < length; offset += CHUNK_LENGTH) {
            final byte[] expected = pattern.bytes(offset, (int) Math.min(CHUNK_LENGTH, length - offset));
            final byte[] received = input.readNBytes(expected.length);
            final int mismatch = Arrays.mismatch(expected, received);
            if (mismatch >= 0) {
                return offset + mismatch;
            }
        }
        return length;
    }
}
