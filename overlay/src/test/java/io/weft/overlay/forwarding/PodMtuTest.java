/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lifecycle.StartupException;
import java.net.Inet4Address;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PodMtuTest {
    private static PodMtu mtu(final int configured, final int ofUnderlay) {
        final Inet4Address address =
                (Inet4Address) IpAddress.parse("192.168.100.1").toInetAddress();
        return new PodMtu(
                new BackendConfig(BackendType.VXLAN, 1, BackendConfig.PORT_DEFAULT, configured, false, false),
                false,
                new Underlay("eth0", 2, ofUnderlay, address, null, address, null, Set.of(address), false));
    }

    /** What is longer than the interface carries would leave in fragments. */
    @ParameterizedTest
    @CsvSource({"0, 1500, 1450", "1400, 1500, 1350", "1500, 1500, 1450", "9000, 1500, 1450", "9000, 9000, 8950"})
    void shouldLeavePodsWhatBothTheOperatorAndTheUnderlayAllow(
            final int configured, final int ofUnderlay, final int expected) {
        final PodMtu mtu = mtu(configured, ofUnderlay);
        mtu.require();
        assertEquals(expected, mtu.of(UnderlayFamily.IPV4));
        assertEquals(expected, mtu.least());
    }

    @Test
    void shouldNameTheOneOfTheTwoThatIsTooLittle() {
        final String ofConfiguration = String.valueOf(
                assertThrows(StartupException.class, mtu(600, 1500)::require).getMessage());
        assertTrue(ofConfiguration.startsWith("\"MTU\": 600, "), ofConfiguration);
        final String ofUnderlay = String.valueOf(
                assertThrows(StartupException.class, mtu(9000, 600)::require).getMessage());
        assertTrue(ofUnderlay.startsWith("the underlay's MTU 600 leaves 550 bytes for pods"), ofUnderlay);
    }
}
