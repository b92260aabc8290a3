/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.registry.Follower;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.NodeRequest;
import io.weft.overlay.registry.Registry;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.overlay.registry.Retry;
import io.weft.overlay.registry.SubnetAllocator;
import io.weft.overlay.registry.http.HostAddresses;
import io.weft.overlay.registry.tls.PemSource;
import io.weft.overlay.registry.tls.TlsFiles;
import java.net.InetAddress;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Leases in etcd, as flannel keeps them (flannel pkg/subnet/etcd). */
public final class EtcdRegistry implements Registry {
    /** flannel pkg/subnet/etcd/local_manager.go, {@code subnetTTL}: 24 hours. */
    static final long LEASE_TTL_S = 24 * 60 * 60;

    private final EtcdStore store;
    private final EtcdConfig config;
    private final List<URI> urls;
    private final long renewMarginS;
    private final RegistryStatus status = new RegistryStatus();
    private final Retry retry = new Retry(status);
    private @Nullable EtcdOwnLease ownLease;
    private @Nullable Follower follower;

    /**
     * How etcd is reached, in the words of flanneld's flags.
     *
     * @param endpoints of its clients' URLs, with commas between them.
     * @param authorities that sign etcd's certificates; null for the JDK's own.
     * @param certificate of this client; null without.
     * @param key of that certificate; null without.
     * @param username empty without authentication.
     * @param password of that user.
     * @param prefix flannel's key, {@code /coreos.com/network}.
     * @param renewMarginS seconds before its end that a lease is renewed.
     */
    public record Settings(
            String endpoints,
            @Nullable Path authorities,
            @Nullable Path certificate,
            @Nullable Path key,
            String username,
            String password,
            String prefix,
            long renewMarginS) {
        private List<URI> urls() {
            return EtcdEndpoints.parse(endpoints, null != authorities || null != certificate || null != key);
        }

        private EtcdClient client() {
            final List<URI> urls = urls();
            final boolean isTls = urls.stream().anyMatch(url -> "https".equals(url.getScheme()));
            return new EtcdClient(urls, isTls ? tls() : null, username, password);
        }

        private TlsFiles tls() {
            return new TlsFiles(
                    PemSource.ofFile("--etcd-cafile", authorities),
                    PemSource.ofFile("--etcd-certfile", certificate),
                    PemSource.ofFile("--etcd-keyfile", key));
        }
    }

    /**
     * A registry that connects when it is asked.
     *
     * @param settings how etcd is reached.
     * @throws io.weft.overlay.registry.RegistryException when one of them is not usable.
     */
    public EtcdRegistry(final Settings settings) {
        store = new EtcdStore(settings.client(), settings.prefix);
        config = new EtcdConfig(store);
        urls = settings.urls();
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
    public Set<InetAddress> addresses() {
        return HostAddresses.of(urls);
    }

    @Override
    public RegistryStatus status() {
        return status;
    }

    @Override
    public NetworkConfig config() throws InterruptedException {
        return retry.untilRead(config::read);
    }

    @Override
    public Lease acquire(final NodeRequest nodeRequest) throws InterruptedException {
        final EtcdOwnLease own = new EtcdOwnLease(
                store,
                nodeRequest,
                new SubnetAllocator(Objects.requireNonNull(config.config(), "config() comes first")),
                status,
                renewMarginS);
        ownLease = own;
        return retry.untilWritten(own::acquire);
    }

    @Override
    public void watch(final LeaseListener listener) {
        final EtcdOwnLease own = Objects.requireNonNull(ownLease, "acquire() comes first");
        follower = Follower.start("etcd", new EtcdLeases(store, own, config, listener, status), status);
    }

    @Override
    public void close() {
        retry.close();
        if (null != follower) {
            follower.close();
        }
    }
}
