/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.IpAddress;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.overlay.registry.UnavailableException;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is read of a Node object beside what flannel writes there. */
class KubeNodesTest {
    private static Lease lease(final String status) throws UnavailableException {
        final String node = "{\"metadata\":{\"name\":\"one\",\"annotations\":{\"f/kube-subnet-manager\":\"true\","
                + "\"f/backend-type\":\"vxlan\",\"f/public-ip\":\"203.0.113.7\"}},\"spec\":{\"podCIDR\":\"10.244.1.0/24\"}"
                + status + "}";
        return Objects.requireNonNull(
                new KubeNodes("f", new RegistryStatus()).lease(new NodeReader("f/").node(node.getBytes(UTF_8))));
    }

    private static Lease inIpv4Network(final String annotations) throws UnavailableException {
        final KubeNodes nodes = new KubeNodes("f", new RegistryStatus());
        nodes.families(true, false);
        final String node = "{\"metadata\":{\"name\":\"one\",\"annotations\":{\"f/kube-subnet-manager\":\"true\","
                + "\"f/backend-type\":\"vxlan\",\"f/public-ip\":\"203.0.113.7\","
                + "\"f/backend-data\":\"{\\\"VtepMAC\\\":\\\"02:00:00:00:00:07\\\"}\"" + annotations
                + "}},\"spec\":{\"podCIDR\":\"10.244.1.0/24\"}}";
        return Objects.requireNonNull(nodes.lease(new NodeReader("f/").node(node.getBytes(UTF_8))));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ",\"f/public-ipv6\":\"\"",
                ",\"f/public-ipv6\":\"<nil>\"",
                ",\"f/backend-v6-data\":\"{}\"",
                ",\"f/backend-v6-data\":\"garbage\""
            })
    void shouldNotMindWhatIsWrongOfAFamilyThatTheNetworkHasNot(final String annotations) throws UnavailableException {
        assertEquals(inIpv4Network(""), inIpv4Network(annotations));
    }

    @Test
    void shouldKnowTheAddressesThatANodeMaySendFrom() throws UnavailableException {
        assertEquals(
                Set.of(
                        IpAddress.parse("192.168.0.1").toInetAddress(),
                        IpAddress.parse("2001:db8::1").toInetAddress(),
                        IpAddress.parse("198.51.100.1").toInetAddress()),
                lease(",\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"192.168.0.1\"},"
                                + "{\"type\":\"InternalIP\",\"address\":\"2001:db8::1\"},"
                                + "{\"type\":\"ExternalIP\",\"address\":\"198.51.100.1\"},"
                                + "{\"type\":\"InternalIP\",\"address\":\"fe80::1%eth0\"},"
                                + "{\"type\":\"ExternalIP\",\"address\":\"one.example.com\"},"
                                + "{\"type\":\"ExternalIP\",\"address\":\"\"},"
                                + "{\"type\":\"ExternalIP\"},"
                                + "{\"type\":\"Hostname\",\"address\":\"one\"}]}")
                        .nodeAddresses());
        assertEquals(Set.of(), lease(",\"status\":{}").nodeAddresses());
        assertEquals(Set.of(), lease("").nodeAddresses());
    }
}
