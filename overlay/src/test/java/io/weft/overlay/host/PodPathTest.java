/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.NetworkConfigReader;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A host of both families, in a namespace. What IPv4 alone has, {@code OwnFaultsTest} tells with a daemon. */
@RequiresRoot
class PodPathTest {
    private static final LeaseKey OWN = LeaseKey.parse("10.244.0.0-24&fd00:0:0:1::-64");
    private static final String TEXT =
            "{\"EnableIPv4\":true,\"Network\":\"10.244.0.0/16\",\"EnableIPv6\":true,\"IPv6Network\":\"fd00::/48\",\"Backend\":{\"Type\":\"vxlan\"}}";
    private static final NetworkConfig CONFIG =
            NetworkConfigReader.read(JsonReader.read(TEXT.getBytes(UTF_8), "config"), true, true);

    private final NetworkNamespace host = NetworkNamespace.create("podpath");
    private final Rtnetlink rtnetlink = host.call(Rtnetlink::open);
    private final PodPath path = new PodPath(rtnetlink, CONFIG, "weft.1");

    PodPathTest() {
        host.ip("link", "add", "weft.1", "type", "bridge");
        host.sysctl("net.ipv4.ip_forward", 1);
        host.sysctl("net.ipv6.conf.all.forwarding", 1);
    }

    @AfterEach
    void tearDown() {
        rtnetlink.close();
        host.close();
    }

    private void makeBridge() {
        host.ip("link", "add", "cni0", "up", "type", "bridge");
        host.ip("address", "add", "10.244.0.1/24", "dev", "cni0");
        host.ip("address", "add", "fd00:0:0:1::1/64", "dev", "cni0", "nodad");
    }

    private void assertFound(final String trouble) {
        assertEquals(trouble, host.call(() -> path.trouble(OWN, rtnetlink.addresses())));
    }

    @Test
    void shouldAskForNothingBeforeTheFirstPod() {
        host.sysctl("net.ipv6.conf.all.forwarding", 0);
        assertFound("");
    }

    @Test
    void shouldTellWhatKeepsPodsOfIpv6Apart() {
        makeBridge();
        assertFound("");
        host.sysctl("net.ipv6.conf.all.forwarding", 0);
        assertFound(
                "net.ipv6.conf.all.forwarding is 0: the host forwards no IPv6, and no pod here reaches another node by it:"
                        + " sysctl -w net.ipv6.conf.all.forwarding=1");
        host.sysctl("net.ipv6.conf.all.forwarding", 1);
        host.ip("address", "delete", "fd00:0:0:1::1/64", "dev", "cni0");
        assertFound("cni0 has lost its address of fd00:0:0:1::/64: pods here are not reached, and reach nobody: ip"
                + " address add fd00:0:0:1::1/64 dev cni0");
        host.ip("address", "add", "fd00:0:0:1::1/64", "dev", "cni0", "nodad");
        assertFound("");
        host.ip("link", "add", "cni1", "up", "type", "bridge");
        host.ip("address", "add", "fd00:0:0:1::1/80", "dev", "cni1", "nodad");
        assertFound("cni1 has an address of fd00:0:0:1::/80 too, and takes what is for pods on cni0: ip address delete"
                + " fd00:0:0:1::1/80 dev cni1");
        host.ip("link", "delete", "cni1");
        assertFound("");
    }

    @Test
    void shouldTellTheAddressOfAnotherSubnetOfEachFamily() {
        makeBridge();
        assertEquals("", path.strangers(OWN, rtnetlink.addresses()));
        host.ip("address", "add", "fd00:0:0:9::1/64", "dev", "cni0", "nodad");
        assertEquals(
                "cni0 has an address of fd00:0:0:9::/64, and this node's subnet is fd00:0:0:1::/64: no pod can be wired, and"
                        + " pods of that subnet are not reached: ip address delete fd00:0:0:9::1/64 dev cni0",
                path.strangers(OWN, rtnetlink.addresses()));
    }
}
