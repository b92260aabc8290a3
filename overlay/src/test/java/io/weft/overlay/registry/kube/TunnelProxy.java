/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A proxy that makes tunnels (CONNECT) to whatever host is asked for, all of them to one port of the loopback. */
final class TunnelProxy implements AutoCloseable {
    private final ServerSocket server;
    private final int port;
    private final List<String> heads = new CopyOnWriteArrayList<>();
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();

    TunnelProxy(final int port) throws IOException {
        this.port = port;
        server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
        threads.execute(this::accept);
    }

    String address() {
        return "127.0.0.1:" + server.getLocalPort();
    }

    /** Heads of the requests so far. */
    List<String> heads() {
        return heads;
    }

    /** Ends all tunnels; others can be made. */
    void cut() throws IOException {
        for (final Socket socket : sockets) {
            socket.close();
        }
    }

    private void accept() {
        try {
            while (true) {
                final Socket socket = server.accept();
                sockets.add(socket);
                threads.execute(() -> serve(socket));
            }
        } catch (final IOException closed) {
            // by close()
        }
    }

    private void serve(final Socket near) {
        try (Socket far = new Socket(InetAddress.getLoopbackAddress(), port)) {
            sockets.add(far);
            heads.add(head(near.getInputStream()));
            near.getOutputStream().write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            threads.execute(() -> copy(near, far));
            copy(far, near);
        } catch (final IOException ended) {
            // by one of its ends
        }
    }

    private static String head(final InputStream in) throws IOException {
        final ByteArrayOutputStream head = new ByteArrayOutputStream();
        while (!head.toString(StandardCharsets.US_ASCII).endsWith("\r\n\r\n")) {
            head.write(in.read());
        }
        return head.toString(StandardCharsets.US_ASCII);
    }

    private static void copy(final Socket from, final Socket to) {
        try (InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream()) {
            in.transferTo(out);
        } catch (final IOException ended) {
            // by one of its ends
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
        cut();
        threads.shutdownNow();
    }
}
