/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.weft.address.IpPrefix;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Four subnets there are: 10.5.0.0/24 to 10.5.3.0/24. */
class SubnetAllocatorTest {
    private static final SubnetAllocator ALLOCATOR = new SubnetAllocator(new NetworkConfig(
            IpPrefix.parse("10.5.0.0/22"),
            null,
            new NetworkConfig.Allocation(IpPrefix.parse("10.5.0.0/24"), IpPrefix.parse("10.5.3.0/24")),
            null,
            false,
            new BackendConfig(BackendType.VXLAN, 1, 8472, 0, false, false)));

    private static List<LeaseKey> taken(final String... keys) {
        return Stream.of(keys).map(LeaseKey::parse).toList();
    }

    /** A narrow subnet within a wide one stands between that and what else lies in it. */
    @Test
    void shouldGiveNothingOfAWideSubnetWhenANarrowOneLiesInIt() {
        final List<LeaseKey> taken = taken("10.5.0.64-26", "10.5.0.0-23", "10.5.3.128-25");
        for (int i = 0; i < 50; i++) { // at random
            assertEquals("10.5.2.0-24", ALLOCATOR.choose(taken).toString());
        }
    }

    @Test
    void shouldSayThatNoneIsLeftWhenOneLeaseHasAll() {
        assertThrows(RegistryException.class, () -> ALLOCATOR.choose(taken("10.5.0.0-16", "10.5.0.0-26")));
    }
}
