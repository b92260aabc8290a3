/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.Command;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.Certificates;
import io.weft.overlay.registry.FaultyProxy;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.NodeRequests;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A real etcd that wants to know who asks. */
class EtcdSecurityTest {
    private static final String PREFIX = "/coreos.com/network";
    private static final String CONFIG = "{\"Network\":\"10.5.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}";
    private static final String OTHER = "{\"PublicIP\":\"192.168.0.9\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
            + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:09\"}}";
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;

    @TempDir
    private Path directory = Path.of(".");

    private final Set<String> known = ConcurrentHashMap.newKeySet();

    @BeforeEach
    void setUp() {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
    }

    private static EtcdRegistry registry(final String endpoint, final String password) {
        return new EtcdRegistry(new EtcdRegistry.Settings(
                endpoint, null, null, null, password.isEmpty() ? "" : "root", password, PREFIX, 3600));
    }

    /** @param client the name of its certificate; empty without. */
    private EtcdRegistry registry(final EtcdServer etcd, final @Nullable String authority, final String client) {
        return registry(etcd.endpoint(), authority, client);
    }

    private EtcdRegistry registry(final String endpoint, final @Nullable String authority, final String client) {
        return new EtcdRegistry(new EtcdRegistry.Settings(
                endpoint,
                null == authority ? null : directory.resolve(authority),
                client.isEmpty() ? null : directory.resolve(client + ".crt"),
                client.isEmpty() ? null : directory.resolve(client + ".key"),
                "",
                "",
                PREFIX,
                3600));
    }

    private void follow(final EtcdRegistry registry) throws InterruptedException {
        registry.config();
        registry.acquire(NodeRequests.of("192.168.0.1"));
        registry.watch(new Recorder());
    }

    private void awaitKnown(final String key) {
        Await.until(known::toString, TIMEOUT_MS, () -> known.contains(key));
    }

    private static void awaitTrouble(final EtcdRegistry registry, final String text) {
        final Thread asking = new Thread(() -> {
            try {
                registry.config();
            } catch (final InterruptedException closed) {
                Thread.currentThread().interrupt();
            }
        });
        asking.start();
        Await.until(
                () -> text + " in " + registry.status().trouble(),
                TIMEOUT_MS,
                () -> String.valueOf(registry.status().trouble()).contains(text));
        registry.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"RSA", "RSA in PKCS#1", "elliptic curve", "elliptic curve in SEC 1"})
    void shouldShowItsCertificate(final String kind) throws Exception {
        final Certificates certificates = new Certificates(directory);
        certificates.issue("server");
        if (kind.startsWith("elliptic curve")) {
            certificates.issueElliptic("client");
        } else {
            certificates.issue("client");
        }
        if ("RSA in PKCS#1".equals(kind)) {
            certificates.toPkcs1("client");
        } else if ("elliptic curve in SEC 1".equals(kind)) {
            certificates.toSec1("client");
        }
        try (EtcdServer etcd = new EtcdServer(directory, certificates);
                EtcdRegistry registry = registry(etcd, "ca.crt", "client")) {
            etcd.ctl("put", PREFIX + "/config", CONFIG);
            follow(registry);
            etcd.ctl("put", PREFIX + "/subnets/10.5.9.0-24", OTHER);
            awaitKnown("10.5.9.0-24");
            awaitTrouble(
                    registry(etcd, "ca.crt", ""), "cannot be reached: it wants a certificate of this node, or another");
            awaitTrouble(
                    registry(etcd, null, "client"),
                    "cannot be reached: its certificate is signed by nobody that this node trusts");
        }
    }

    @Test
    void shouldSayWhatIsWrongWithTheEndpointThatItWasGiven() throws Exception {
        final Certificates certificates = new Certificates(directory);
        certificates.issue("server");
        certificates.issue("client");
        try (EtcdServer etcd = new EtcdServer(directory, certificates)) {
            awaitTrouble(
                    registry(etcd.endpoint().replace("https:", "http:"), ""),
                    "cannot be reached: it ended the connection without an answer, as one that speaks TLS does where http:// is");
            awaitTrouble(
                    registry(etcd.endpoint().replace("127.0.0.1", "localhost"), "ca.crt", "client"),
                    "cannot be reached: its certificate is of another name or address (No ");
        }
    }

    /** As it says by an answer without TLS, or by none. */
    @Test
    void shouldSayThatItSpeaksNoTls() throws Exception {
        try (EtcdServer etcd = new EtcdServer(directory)) {
            awaitTrouble(registry(etcd.endpoint().replace("http:", "https:"), ""), "http:// is its scheme");
        }
    }

    @Test
    void shouldTellItsPasswordAgainWhenEtcdHasForgottenTheToken() throws Exception {
        try (EtcdServer etcd = new EtcdServer(directory);
                EtcdRegistry registry = registry(etcd.endpoint(), "secret")) {
            etcd.ctl("put", PREFIX + "/config", CONFIG);
            enableAuthentication(etcd);
            follow(registry);
            etcd.ctl("put", PREFIX + "/subnets/10.5.8.0-24", OTHER);
            awaitKnown("10.5.8.0-24");
            etcd.kill();
            etcd.start();
            etcd.ctl("put", PREFIX + "/subnets/10.5.9.0-24", OTHER);
            awaitKnown("10.5.9.0-24");
            awaitTrouble(registry(etcd.endpoint(), "guessed"), "authentication failed, invalid user ID or password");
            awaitTrouble(registry(etcd.endpoint(), ""), "user name is empty");
            assertEquals(null, registry.status().trouble());
        }
    }

    private static void enableAuthentication(final EtcdServer etcd) {
        etcd.ctl("user", "add", "root:secret");
        etcd.ctl("user", "grant-role", "root", "root");
        etcd.ctl("auth", "enable");
        etcd.signIn("root:secret");
    }

    /** Its tokens name the revision of the users that they were made at. */
    @Test
    void shouldTellItsPasswordAgainWhenUsersHaveChanged() throws Exception {
        Command.run(List.of("openssl", "genrsa", "-out", directory + "/jwt.key", "2048"));
        Command.run(
                List.of("openssl", "rsa", "-in", directory + "/jwt.key", "-pubout", "-out", directory + "/jwt.pub"));
        final String token = "--auth-token=jwt,pub-key=" + directory + "/jwt.pub,priv-key=" + directory
                + "/jwt.key,sign-method=RS256,ttl=24h";
        try (EtcdServer etcd = new EtcdServer(directory, List.of(token));
                FaultyProxy proxy = new FaultyProxy(etcd.endpoint());
                EtcdRegistry registry = registry(proxy.endpoint(), "secret")) {
            etcd.ctl("put", PREFIX + "/config", CONFIG);
            enableAuthentication(etcd);
            follow(registry);
            etcd.ctl("put", PREFIX + "/subnets/10.5.8.0-24", OTHER);
            awaitKnown("10.5.8.0-24");
            etcd.ctl("user", "add", "other:secret");
            proxy.cutStreams();
            etcd.ctl("put", PREFIX + "/subnets/10.5.9.0-24", OTHER);
            awaitKnown("10.5.9.0-24");
            assertEquals(null, registry.status().trouble());
        }
    }

    @Test
    void shouldGoOnWhenAuthenticationIsSwitchedOnAndOff() throws Exception {
        try (EtcdServer etcd = new EtcdServer(directory);
                FaultyProxy proxy = new FaultyProxy(etcd.endpoint());
                EtcdRegistry registry = registry(proxy.endpoint(), "secret")) {
            etcd.ctl("put", PREFIX + "/config", CONFIG);
            follow(registry);
            etcd.ctl("put", PREFIX + "/subnets/10.5.7.0-24", OTHER);
            awaitKnown("10.5.7.0-24");
            enableAuthentication(etcd);
            proxy.cutStreams();
            etcd.ctl("put", PREFIX + "/subnets/10.5.8.0-24", OTHER);
            awaitKnown("10.5.8.0-24");
            etcd.ctl("auth", "disable");
            proxy.cutStreams();
            etcd.ctl("put", PREFIX + "/subnets/10.5.9.0-24", OTHER);
            awaitKnown("10.5.9.0-24");
            assertEquals(null, registry.status().trouble());
        }
    }

    private final class Recorder implements LeaseListener {
        @Override
        public void onSnapshot(final List<Lease> leases) {
            leases.forEach(this::onPut);
        }

        @Override
        public void onPut(final Lease lease) {
            known.add(lease.key().toString());
        }

        @Override
        public void onRemove(final LeaseKey key) {
            known.remove(key.toString());
        }

        @Override
        public void onRestartNeeded(final String why) {
            known.add(why);
        }
    }
}
