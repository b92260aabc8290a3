/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.IpAddress;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import java.net.Inet4Address;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class LeaseMemoryTest {
    private static final long NOW_NS = System.nanoTime();
    private static final long DAY_NS = TimeUnit.DAYS.toNanos(1);
    private static final Lease A = lease("10.5.1.0-24", "192.168.0.1");
    private static final Lease B = lease("10.5.2.0-24", "192.168.0.2");
    private static final Lease B_ELSEWHERE = lease("10.5.3.0-24", "192.168.0.2");
    private static final Lease C_IN_THE_PLACE_OF_B = lease("10.5.2.0-24", "192.168.0.3");

    private final LeaseMemory memory = new LeaseMemory();

    private static Lease lease(final String key, final String publicIp) {
        return new Lease(
                LeaseKey.parse(key),
                new LeaseAttributes(
                        (Inet4Address) IpAddress.parse(publicIp).toInetAddress(), null, "vxlan", null, null));
    }

    private void assertKnown(final Set<Lease> expected, final List<Lease> listed, final boolean isLoss, final long ns) {
        assertEquals(expected, Set.copyOf(memory.replace(listed, isLoss, ns)));
    }

    @Test
    void shouldForgetWhatIsNotListedWhenNothingWasLost() {
        assertKnown(Set.of(A, B), List.of(A, B), false, NOW_NS);
        assertKnown(Set.of(A), List.of(A), false, NOW_NS);
    }

    @Test
    void shouldKeepALostLeaseForADay() {
        assertKnown(Set.of(A, B), List.of(A, B), false, NOW_NS);
        assertKnown(Set.of(A, B), List.of(A), true, NOW_NS);
        assertKnown(Set.of(A, B), List.of(A), false, NOW_NS + DAY_NS - 1);
        assertKnown(Set.of(A), List.of(A), false, NOW_NS + DAY_NS);
    }

    @Test
    void shouldKeepWhatWasPutMeanwhileWhenItIsLost() {
        assertKnown(Set.of(A), List.of(A), false, NOW_NS);
        memory.put(B);
        assertKnown(Set.of(A, B), List.of(), true, NOW_NS);
    }

    @Test
    void shouldForgetALostLeaseWhenItsNodeHasAnother() {
        assertKnown(Set.of(A, B), List.of(A, B), false, NOW_NS);
        assertKnown(Set.of(A, B_ELSEWHERE), List.of(A, B_ELSEWHERE), true, NOW_NS);
    }

    @Test
    void shouldForgetALostLeaseWhenItsSubnetHasAnotherOwner() {
        assertKnown(Set.of(A, B), List.of(A, B), false, NOW_NS);
        assertKnown(Set.of(A, C_IN_THE_PLACE_OF_B), List.of(A, C_IN_THE_PLACE_OF_B), true, NOW_NS);
    }

    @Test
    void shouldForgetALostLeaseWhenItIsDeleted() {
        assertKnown(Set.of(A, B), List.of(A, B), false, NOW_NS);
        assertKnown(Set.of(A, B), List.of(A), true, NOW_NS);
        memory.put(B);
        memory.remove(B.key());
        assertKnown(Set.of(A), List.of(A), false, NOW_NS);
    }
}
