/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.NetworkConfigReader;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.NodeRequest;
import io.weft.overlay.registry.Registry;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.overlay.registry.SubnetAllocator;
import java.net.URI;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/** Leases in etcd, as flannel keeps them (flannel pkg/subnet/etcd). */
public final class EtcdRegistry implements Registry {
    /** flannel pkg/subnet/etcd/local_manager.go, {@code subnetTTL}: 24 hours. */
    static final long LEASE_TTL_S = 24 * 60 * 60;

    private static final System.Logger LOG = System.getLogger(EtcdRegistry.class.getName());
    private static final long RETRY_MS = 1_000;

    private final EtcdStore store;
    private final long renewMarginS;
    private final RegistryStatus status = new RegistryStatus();
    private final CountDownLatch closed = new CountDownLatch(1);
    private @Nullable NetworkConfig config;
    private @Nullable EtcdOwnLease ownLease;
    private @Nullable EtcdFollower follower;

    /**
     * How etcd is reached.
     *
     * @param endpoints of its clients' URLs.
     * @param tls null for http.
     * @param username empty without authentication.
     * @param password of that user.
     * @param prefix flannel's key, {@code /coreos.com/network}.
     * @param renewMarginS seconds before its end that a lease is renewed.
     */
    public record Settings(
            List<URI> endpoints,
            @Nullable SSLContext tls,
            String username,
            String password,
            String prefix,
            long renewMarginS) {}

    /**
     * A registry that connects when it is asked.
     *
     * @param settings how etcd is reached.
     */
    public EtcdRegistry(final Settings settings) {
        store = new EtcdStore(
                new EtcdClient(settings.endpoints, settings.tls, settings.username, settings.password),
                settings.prefix);
        renewMarginS = settings.renewMarginS;
    }

    @Override
    public String kind() {
        return "etcd";
    }

    @Override
    public boolean ownsMac() {
        return true;
    }

    @Override
    public RegistryStatus status() {
        return status;
    }

    @Override
    public NetworkConfig config() throws InterruptedException {
        String said = "";
        while (true) {
            String trouble;
            try {
                final byte[] text = store.config();
                if (null != text) {
                    final NetworkConfig read = NetworkConfigReader.read(
                            JsonReader.read(text, "etcd key " + store.configKey()), false, true);
                    config = read;
                    status.contact();
                    return read;
                }
                trouble = "etcd has no key " + store.configKey() + ": put the network configuration there";
            } catch (final EtcdException | JsonException failure) {
                trouble = String.valueOf(failure.getMessage());
            }
            if (!trouble.equals(said)) {
                LOG.log(WARNING, "{0}. Trying again every second", trouble);
                said = trouble;
            }
            status.failure(trouble);
            if (closed.await(RETRY_MS, TimeUnit.MILLISECONDS)) {
                throw new InterruptedException("closed");
            }
        }
    }

    @Override
    public Lease acquire(final NodeRequest nodeRequest) throws InterruptedException {
        final EtcdOwnLease own = new EtcdOwnLease(
                store,
                nodeRequest,
                new SubnetAllocator(Objects.requireNonNull(config, "config() comes first")),
                status);
        String said = "";
        while (true) {
            try {
                final Lease lease = own.acquire();
                ownLease = own;
                status.contact();
                return lease;
            } catch (final EtcdException failure) {
                final String trouble = String.valueOf(failure.getMessage());
                if (!trouble.equals(said)) {
                    LOG.log(WARNING, "{0}. Trying again every second", trouble);
                    said = trouble;
                }
                status.failure(trouble);
            }
            if (closed.await(RETRY_MS, TimeUnit.MILLISECONDS)) {
                throw new InterruptedException("closed");
            }
        }
    }

    @Override
    public void watch(final LeaseListener listener) {
        final EtcdFollower started = new EtcdFollower(
                store, Objects.requireNonNull(ownLease, "acquire() comes first"), listener, status, renewMarginS);
        follower = started;
        started.start();
    }

    @Override
    public void close() {
        closed.countDown();
        if (null != follower) {
            follower.close();
        }
    }
}
