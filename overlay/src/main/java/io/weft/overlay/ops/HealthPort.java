/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import static java.lang.System.Logger.Level.INFO;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The address of the health server, which is opened as soon as no other daemon has it. Used by the control thread alone. */
public final class HealthPort implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(HealthPort.class.getName());

    private final String ip;
    private final int port;
    private final Supplier<String> unready;
    private final Supplier<String> metrics;
    private @Nullable HealthServer server;

    /**
     * Not open yet.
     *
     * @param ip that it listens on.
     * @param port that it listens on; 0 for no server at all.
     * @param unready why the node is not ready; empty when it is.
     * @param metrics text of all metrics.
     */
    public HealthPort(final String ip, final int port, final Supplier<String> unready, final Supplier<String> metrics) {
        this.ip = ip;
        this.port = port;
        this.unready = unready;
        this.metrics = metrics;
    }

    /** Address and port; empty for no server. */
    public String address() {
        return 0 == port ? "" : ip + ' ' + port;
    }

    /**
     * Starts to answer, if it does not already.
     *
     * @throws io.weft.overlay.lifecycle.StartupException when it cannot listen.
     */
    public void open() {
        if (0 != port && null == server) {
            server = HealthServer.start(ip, port, unready, metrics);
            LOG.log(INFO, "/healthz, /readyz and /metrics on port {0}", String.valueOf(server.port()));
        }
    }

    @Override
    public void close() {
        if (null != server) {
            server.close();
        }
    }
}
