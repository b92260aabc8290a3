/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.IpPrefix;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import java.net.InetAddress;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which addresses are surely pods': a node whose address no lease names may be let in, a pod may not. */
class DropOffendersTest {
    @ParameterizedTest
    @CsvSource({
        "10.244.0.0/16, 192.168.100.1, 10.244.0.0/16;fd00:10:244::/48;10.244.1.0/24;fd00:10:244:1::/64",
        "10.0.0.0/8,    10.9.0.1,      fd00:10:244::/48;10.244.1.0/24;fd00:10:244:1::/64",
        "10.244.0.0/16, fd00:10:244::9, 10.244.0.0/16;10.244.1.0/24;fd00:10:244:1::/64",
    })
    void shouldTakeTheNetworkForPodsOnlyWhereNodesAreOutsideOfIt(
            final String network, final String local, final String expected) throws Exception {
        final NetworkConfig config = new NetworkConfig(
                IpPrefix.parse(network),
                IpPrefix.parse("fd00:10:244::/48"),
                null,
                null,
                false,
                new BackendConfig(BackendType.VXLAN, 1, 8472, 0, false, false));
        assertEquals(
                expected,
                String.join(
                        ";",
                        DropOffenders.podPrefixes(
                                        config,
                                        LeaseKey.parse("10.244.1.0-24&fd00:10:244:1::-64"),
                                        List.of(InetAddress.getByName(local)))
                                .stream()
                                .map(IpPrefix::toString)
                                .toList()));
    }
}
