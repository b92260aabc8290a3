/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.SplittableRandom;
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
        "::/0, ::/0",
        "fd00:10:244:0:0:0:0:0/64, fd00:10:244::/64",
        "FD00:0010:0244::/48, fd00:10:244::/48",
        "2001:db8::1/128, 2001:db8::1/128",
        "2001:db8:0:1:1:1:1:1/128, 2001:db8:0:1:1:1:1:1/128",
        "2001:0:0:1:0:0:0:1/128, 2001:0:0:1::1/128",
        "2001:db8:0:0:1:0:0:1/128, 2001:db8::1:0:0:1/128",
        "::ffff:192.0.2.1/128, ::ffff:c000:201/128"
    })
    void shouldPrintCanonicalFormWhenParsed(final String text, final String canonical) {
        assertEquals(canonical, IpPrefix.parse(text).toString());
        assertEquals(IpPrefix.parse(text), IpPrefix.parse(canonical));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/",
                "10.244.1.0",
                "10.244.1.0/",
                "10.244.1.0/33",
                "10.244.1.0/-1",
                "10.244.1.0/024x",
                "10.244.1/24",
                "10.244.1.256/32",
                "10.244.01.0/24",
                "10.244.1.0.0/24",
                "host/24",
                "10.244.1.0/24/24",
                "::/129",
                ":::/0",
                "1:2:3:4:5:6:7/128",
                "1:2:3:4:5:6:7:8:9/128",
                "1::2::3/128",
                "1:2:3:4:5:6:7:8::/128",
                "12345::/16",
                "g::/16",
                ":1::/16",
                "1::192.0.2/128",
                "fe80::1%eth0/128",
                "10.244.1.0 /24",
                "\u0661.1.1.1/32"
            })
    void shouldNameTheTextWhenItIsNoPrefix(final String text) {
        final Exception refused = assertThrows(IllegalArgumentException.class, () -> IpPrefix.parse(text));
        assertTrue(String.valueOf(refused.getMessage()).contains(text.split("/", 2)[0]), refused::toString);
    }

    @ParameterizedTest
    @CsvSource({"10.244.1.1/24, 10.244.1.0/24", "fd00::1/64, fd00::/64", "128.0.0.0/0, 0.0.0.0/0"})
    void shouldNameTheNetworkWhenHostBitsAreSet(final String text, final String network) {
        final Exception refused = assertThrows(IllegalArgumentException.class, () -> IpPrefix.parse(text));
        assertTrue(String.valueOf(refused.getMessage()).contains(text), refused::toString);
        assertTrue(String.valueOf(refused.getMessage()).contains(network), refused::toString);
    }

    @Test
    void shouldContainAndOverlapWhenNested() {
        final IpPrefix cluster = IpPrefix.parse("10.244.0.0/16");
        final IpPrefix node = IpPrefix.parse("10.244.1.0/24");
        assertTrue(cluster.contains(node));
        assertFalse(node.contains(cluster));
        assertTrue(node.overlaps(cluster));
        assertFalse(node.overlaps(IpPrefix.parse("10.244.2.0/24")));
        assertTrue(node.contains(IpAddress.parse("10.244.1.255")));
        assertFalse(node.contains(IpAddress.parse("10.244.2.0")));
        assertFalse(IpPrefix.parse("0.0.0.0/0").contains(IpAddress.parse("::")));
        assertFalse(IpPrefix.parse("0.0.0.0/0").overlaps(IpPrefix.parse("::/0")));
    }

    @Test
    void shouldSortAPrefixBeforeThoseItContains() {
        assertTrue(IpPrefix.parse("10.0.0.0/8").compareTo(IpPrefix.parse("10.0.0.0/24")) < 0);
        assertTrue(IpPrefix.parse("128.0.0.0/8").compareTo(IpPrefix.parse("10.0.0.0/24")) > 0);
        assertTrue(IpPrefix.parse("10.0.0.0/8").compareTo(IpPrefix.parse("::/0")) < 0);
    }

    @Test
    void shouldAgreeWithTheJdkWhenAddressesAreRandom() throws UnknownHostException {
        final SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 20_000; i++) {
            final byte[] bytes = new byte[random.nextBoolean() ? 4 : 16];
            random.nextBytes(bytes);
            for (int zero = random.nextInt(bytes.length); zero < bytes.length; zero += 1 + random.nextInt(3)) {
                bytes[zero] = 0;
            }
            final InetAddress address = InetAddress.getByAddress(bytes);
            final IpAddress ours = IpAddress.of(address);
            assertEquals(address, ours.toInetAddress());
            assertEquals(address, InetAddress.getByName(ours.toString()));
            assertEquals(ours, IpAddress.parse(address.getHostAddress()));
        }
    }
}
