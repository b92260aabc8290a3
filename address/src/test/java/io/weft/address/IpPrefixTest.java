/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.address;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IpPrefixTest {
    @ParameterizedTest
    @CsvSource({
        "10.244.1.0/24, 10.244.1.0/24",
        "0.0.0.0/0, 0.0.0.0/0",
        "255.255.255.255/32, 255.255.255.255/32",
        "10.0.0.0/08, 10.0.0.0/8",
        "::/0, ::/0",
        "1.2.3.4/32, 1.2.3.4/32",
        "FD00::ABCD/128, fd00::abcd/128",
        "::1/128, ::1/128",
        "fd00:10:244:0:0:0:0:0/64, fd00:10:244::/64",
        "FD00:0010:0244::/48, fd00:10:244::/48",
        "1:2:3:4:0:0:0:0/64, 1:2:3:4::/64",
        "1::2:0:0:3/128, 1::2:0:0:3/128",
        "2001:db8::1/128, 2001:db8::1/128"
    })
    void shouldPrintCanonicalFormWhenParsed(final String text, final String canonical) {
        assertEquals(canonical, IpPrefix.parse(text).toString());
        assertEquals(canonical, IpPrefix.parseContaining(text).toString());
        assertEquals(IpPrefix.parse(text), IpPrefix.parse(canonical));
    }

    @ParameterizedTest
    @CsvSource({
        "'', is not of the form ADDRESS/LENGTH",
        "10.244.1.0, is not of the form ADDRESS/LENGTH",
        "10.244.1.0/, is not of the form ADDRESS/LENGTH",
        "10.244.1.0/-1, is not of the form ADDRESS/LENGTH",
        "10.244.1.0/+8, is not of the form ADDRESS/LENGTH",
        "10.244.1.0/x, is not of the form ADDRESS/LENGTH",
        "10.244.1.0/024x, is not of the form ADDRESS/LENGTH",
        "10.244.1.0/0024, is not of the form ADDRESS/LENGTH",
        "10.244.1.0/24/24, is not of the form ADDRESS/LENGTH",
        "10.244.1.0/\u0661\u0662, is not of the form ADDRESS/LENGTH",
        "10.244.1.0/33, prefix length 33 is not in 0..32",
        "::/129, prefix length 129 is not in 0..128",
        "::/999, prefix length 999 is not in 0..128",
        "'/', is not an IP address",
        "'/8', is not an IP address",
        "'10.244.1/24', is not an IP address",
        "'10.244.1.256/32', is not an IP address",
        "'10.244.01.0/24', is not an IP address",
        "'10.244.1.0 /24', is not an IP address",
        "'localhost/24', is not an IP address",
        "':::/0', is not an IP address",
        "'g::/16', is not an IP address",
        "'fe80::1%eth0/128', is not an IP address",
        "::ffff:10.0.0.0/128, IPv4-mapped"
    })
    void shouldNameTheTextAndWhatIsWrongWhenItIsNoPrefix(final String text, final String why) {
        for (final Exception refused : new Exception[] {
            assertThrows(IllegalArgumentException.class, () -> IpPrefix.parse(text)),
            assertThrows(IllegalArgumentException.class, () -> IpPrefix.parseContaining(text))
        }) {
            final String message = String.valueOf(refused.getMessage());
            assertTrue(message.contains(text.split("/", 2)[0]), message);
            assertTrue(message.contains(why), message);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "10.244.1.1/24, 10.244.1.0/24",
        "fd00::1/64, fd00::/64",
        "fd00:1::/16, fd00::/16",
        "128.0.0.0/0, 0.0.0.0/0",
        "::1/0, ::/0",
        "10.42.3.1/24, 10.42.3.0/24",
        "10.42.255.255/17, 10.42.128.0/17",
        "1.2.3.4/0, 0.0.0.0/0",
        "fd00:ffff::/12, fd00::/12",
        "2001:cafe:42:1::1/64, 2001:cafe:42:1::/64",
        "2001:cafe:42:1::ff/124, 2001:cafe:42:1::f0/124"
    })
    void shouldRefuseHostBitsOrDropThemAsWhoAsksWants(final String text, final String network) {
        final Exception refused = assertThrows(IllegalArgumentException.class, () -> IpPrefix.parse(text));
        assertEquals(text + " has host bits set: the network is " + network, refused.getMessage());
        assertEquals(network, IpPrefix.parseContaining(text).toString());
        final IpAddress address = IpAddress.parse(text.split("/", 2)[0]);
        final int length = IpPrefix.parse(network).length();
        assertEquals(IpPrefix.parse(network), IpPrefix.containing(address, length));
        assertEquals(IpPrefix.parse(network), IpPrefix.containing(address.toInetAddress(), length));
        assertThrows(IllegalArgumentException.class, () -> IpPrefix.of(address.toInetAddress(), length));
    }

    @ParameterizedTest
    @CsvSource({"10.0.0.1, -1, 0..32", "10.0.0.1, 33, 0..32", "fd00::1, -1, 0..128", "fd00::1, 129, 0..128"})
    void shouldNameALengthThatIsOutOfRange(final String text, final int length, final String range) {
        final IpAddress address = IpAddress.parse(text);
        final String expected = text + "/" + length + ": prefix length " + length + " is not in " + range;
        assertEquals(
                expected,
                assertThrows(IllegalArgumentException.class, () -> new IpPrefix(address, length))
                        .getMessage());
        assertEquals(
                expected,
                assertThrows(IllegalArgumentException.class, () -> IpPrefix.containing(address, length))
                        .getMessage());
    }

    @Test
    void shouldContainAndOverlapWhenNested() {
        final IpPrefix cluster = IpPrefix.parse("10.244.0.0/15");
        final IpPrefix node = IpPrefix.parse("10.245.3.0/24");
        assertTrue(cluster.contains(cluster));
        assertTrue(cluster.contains(node));
        assertFalse(node.contains(cluster));
        assertTrue(node.overlaps(cluster));
        assertTrue(cluster.overlaps(node));
        assertFalse(node.overlaps(IpPrefix.parse("10.245.2.0/24")));
        assertFalse(cluster.overlaps(IpPrefix.parse("10.246.0.0/16")));
        assertTrue(cluster.contains(IpAddress.parse("10.245.255.255")));
        assertTrue(cluster.contains(IpAddress.parse("10.245.255.255").toInetAddress()));
        assertFalse(cluster.contains(IpAddress.parse("10.246.0.0")));
        assertTrue(IpPrefix.parse("fd00:0:0:1:8000::/65").contains(IpAddress.parse("fd00:0:0:1:ffff::1")));
        assertFalse(IpPrefix.parse("fd00:0:0:1:8000::/65").contains(IpAddress.parse("fd00:0:0:1:7fff::1")));
        assertFalse(IpPrefix.parse("0.0.0.0/0").contains(IpAddress.parse("::")));
        assertFalse(IpPrefix.parse("0.0.0.0/0").contains(IpPrefix.parse("::1/128")));
        assertFalse(IpPrefix.parse("0.0.0.0/0").overlaps(IpPrefix.parse("::/0")));
    }

    @Test
    void shouldSortAPrefixBeforeThoseItContains() {
        assertTrue(IpPrefix.parse("10.0.0.0/8").compareTo(IpPrefix.parse("10.0.0.0/24")) < 0);
        assertTrue(IpPrefix.parse("128.0.0.0/8").compareTo(IpPrefix.parse("10.0.0.0/24")) > 0);
        assertTrue(IpPrefix.parse("10.0.0.0/8").compareTo(IpPrefix.parse("::/0")) < 0);
    }

    @Test
    void shouldKnowItsFamilyAndOneAddressAsAPrefix() {
        assertEquals("::1/128", IpPrefix.host(IpAddress.parse("::1")).toString());
        assertEquals(
                "10.0.0.1/32",
                IpPrefix.host(IpAddress.parse("10.0.0.1").toInetAddress()).toString());
        assertTrue(IpPrefix.parse("10.0.0.0/8").isIpv4());
        assertFalse(IpPrefix.parse("fd00::/8").isIpv4());
        assertEquals(IpFamily.IPV6, IpPrefix.parse("fd00::/8").family());
    }

    @ParameterizedTest
    @CsvSource({
        "10.244.1.0/24, 10.244.2.0/24",
        "10.244.255.0/24, 10.245.0.0/24",
        "127.255.255.0/24, 128.0.0.0/24",
        "255.255.255.0/24, 0.0.0.0/24",
        "255.255.255.255/32, 0.0.0.0/32",
        "0.0.0.0/0, 0.0.0.0/0",
        "128.0.0.0/1, 0.0.0.0/1",
        "fd00:0:0:1::/64, fd00:0:0:2::/64",
        "fd00::ffff:ffff:ffff:0/112, fd00::1:0:0:0:0/112",
        "fd00::ffff:ffff:ffff:ffff/128, fd00:0:0:1::/128",
        "ffff:ffff:ffff:ffff:8000::/65, ::/65",
        "::/0, ::/0",
    })
    void shouldGiveThePrefixAfterwards(final String prefix, final String next) {
        assertEquals(IpPrefix.parse(next), IpPrefix.parse(prefix).next());
    }

    @ParameterizedTest
    @CsvSource({
        "10.244.0.0/16, 24, 10.244.255.0/24",
        "10.0.0.0/28, 30, 10.0.0.12/30",
        "10.0.0.0/28, 28, 10.0.0.0/28",
        "fd00::/48, 64, fd00:0:0:ffff::/64",
        "fd00::/60, 68, fd00:0:0:f:f000::/68",
        "::/0, 128, ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"
    })
    void shouldGiveTheLastPrefixInside(final String network, final int length, final String last) {
        assertEquals(last, IpPrefix.parse(network).last(length).toString());
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 15, 33, 129})
    void shouldRefuseALastPrefixThatIsNotInside(final int length) {
        final IpPrefix network = IpPrefix.parse("10.245.0.0/16");
        assertThrows(IllegalArgumentException.class, () -> network.last(length));
    }
}
