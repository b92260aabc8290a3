/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.overlay.registry.DeafListener;
import io.weft.overlay.registry.FaultyProxy;
import io.weft.overlay.registry.NodeRequests;
import io.weft.overlay.registry.Registry;
import io.weft.overlay.registry.known.KnownLeasesFile;
import io.weft.overlay.registry.known.KnownRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node that begins by what it knew, and ends while etcd, which is back, is asked for its lease. */
class KnownEtcdTest {
    private static final String PREFIX = "/coreos.com/network";

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private Registry watched(final String endpoint) throws InterruptedException {
        final Registry registry = resources.add(new KnownRegistry(
                new EtcdRegistry(new EtcdRegistry.Settings(endpoint, null, null, null, "", "", PREFIX, 3600)),
                new KnownLeasesFile(directory.resolve("state"), "etcd", true)));
        registry.config();
        registry.publicAddresses();
        registry.acquire(NodeRequests.of("192.168.0.1"));
        registry.watch(new DeafListener());
        return registry;
    }

    private boolean isKept() {
        final String[] names = directory.resolve("state").toFile().list((parent, name) -> !name.endsWith(".new"));
        return null != names && 1 == names.length;
    }

    private static boolean isAsking() {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> "weft-registry-first".equals(thread.getName()));
    }

    @Test
    void shouldHaveGivenBackTheEtcdLeaseThatNothingWasWrittenWithWhenItIsClosed() throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        final Path data = Files.createDirectory(directory.resolve("etcd"));
        final EtcdServer etcd = resources.add(new EtcdServer(data));
        final FaultyProxy proxy = resources.add(new FaultyProxy(etcd.endpoint()));
        etcd.ctl("put", PREFIX + "/config", "{\"Network\":\"10.5.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}");
        final Registry first = watched(proxy.endpoint());
        Await.until("what it knows is kept", Await.TIMEOUT_MS, this::isKept);
        first.close();
        Await.until("nobody asks", Await.TIMEOUT_MS, () -> !isAsking());
        etcd.ctl("del", "--prefix", PREFIX + "/subnets/");
        proxy.spoil("/v3/", FaultyProxy.Fault.LOST_ANSWER, Integer.MAX_VALUE);
        final Registry second = watched(proxy.endpoint());
        final long grants = proxy.count("/v3/lease/grant");
        final long revokes = proxy.count("/v3/lease/revoke");
        proxy.heal();
        proxy.spoil("/v3/lease/grant", FaultyProxy.Fault.HALF_BODY, 1);
        Await.until(
                "an etcd lease is granted",
                Await.TIMEOUT_MS,
                () -> proxy.count("/v3/lease/grant") > grants && proxy.isUsedUp());
        second.close();
        assertFalse(isAsking(), "what is given back is waited for");
        assertEquals(revokes + 1, proxy.count("/v3/lease/revoke"));
    }
}
