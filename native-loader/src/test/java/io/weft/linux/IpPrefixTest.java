/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.Inet6Address;
import org.junit.jupiter.api.Test;

class IpPrefixTest {
    private static String refusal(final String text) {
        return assertThrows(IllegalArgumentException.class, () -> IpPrefix.parse(text))
                .toString();
    }

    @Test
    void shouldPrintWhatItParsedInCanonicalForm() {
        for (final String text : new String[] {
            "10.244.0.0/16",
            "0.0.0.0/0",
            "255.255.255.255/32",
            "::/0",
            "fd00:10:244::/48",
            "::1/128",
            "1::2:0:0:3/128",
            "1:0:2:3:4:5:6:7/128"
        }) {
            assertEquals(text, IpPrefix.parse(text).toString());
        }
        assertEquals("fd00::/8", IpPrefix.parse("FD00:0:0::0/8").toString());
        assertEquals("1:2:3:4::/64", IpPrefix.parse("1:2:3:4:0:0:0:0/64").toString());
    }

    @Test
    void shouldRefuseWhatIsNoPrefixAndSayWhy() {
        assertTrue(refusal("10.244.0.1/16").contains("the network is 10.244.0.0/16"));
        assertTrue(refusal("fd00::1/64").contains("the network is fd00::/64"));
        assertTrue(refusal("10.0.0.0/33").contains("not in 0..32"));
        assertTrue(refusal("10.0.0.0").contains("ADDRESS/LENGTH"));
        assertTrue(refusal("10.0.0.0/+8").contains("ADDRESS/LENGTH"));
        for (final String address :
                new String[] {"10.1", "010.0.0.1", "256.0.0.1", "localhost", "", "1::2::3", "fe80::1%lo"}) {
            assertTrue(refusal(address + "/8").contains("'" + address + "' is not an IP address"), address);
        }
        assertTrue(refusal("::ffff:10.0.0.0/128").contains("IPv4-mapped"));
    }

    @Test
    void shouldContainItsAddressesAndOverlapNetworksThatShareOne() {
        final IpPrefix network = IpPrefix.parse("10.244.0.0/15");
        assertTrue(network.contains(IpAddresses.parse("10.245.255.255")));
        assertFalse(network.contains(IpAddresses.parse("10.246.0.0")));
        assertFalse(IpPrefix.parse("0.0.0.0/0").contains(IpAddresses.parse("::1")));
        assertTrue(network.overlaps(IpPrefix.parse("10.245.3.0/24")));
        assertTrue(IpPrefix.parse("10.245.3.0/24").overlaps(network));
        assertFalse(network.overlaps(IpPrefix.parse("10.246.0.0/16")));
        assertTrue(network.contains(network));
        assertTrue(network.contains(IpPrefix.parse("10.245.3.0/24")));
        assertFalse(IpPrefix.parse("10.245.3.0/24").contains(network));
        assertFalse(IpPrefix.parse("0.0.0.0/0").contains(IpPrefix.parse("::1/128")));
        assertEquals(network, IpPrefix.network(IpAddresses.parse("10.245.1.2"), 15));
        assertEquals("::1/128", IpPrefix.host(IpAddresses.parse("::1")).toString());
    }

    @Test
    void shouldKeepAMappedAddressFromTheKernelAsIpv6() {
        final byte[] mapped = new byte[16];
        mapped[10] = (byte) 0xFF;
        mapped[11] = (byte) 0xFF;
        assertTrue(IpAddresses.of(mapped) instanceof Inet6Address);
        assertThrows(IllegalArgumentException.class, () -> IpAddresses.of(new byte[5]));
    }

    @Test
    void shouldReadAndPrintMacAddresses() {
        assertEquals("c6:d2:32:6f:8f:44", MacAddress.parse("C6:D2:32:6f:8f:44").toString());
        assertEquals(0xC6D2_326F_8F44L, MacAddress.parse("C6:D2:32:6f:8f:44").value());
        assertFalse(MacAddress.parse("02:00:00:00:00:01").multicast());
        assertTrue(MacAddress.parse("01:00:5e:00:00:01").multicast());
        assertThrows(IllegalArgumentException.class, () -> MacAddress.parse("02:00:00:00:00"));
        assertThrows(IllegalArgumentException.class, () -> MacAddress.parse("02-00-00-00-00-01"));
        assertThrows(IllegalArgumentException.class, () -> new MacAddress(1L << 48));
    }
}
