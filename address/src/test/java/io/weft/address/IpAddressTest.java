/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.address;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IpAddressTest {
    @ParameterizedTest
    @CsvSource({
        "10.244.1.0, 10.244.1.0",
        "255.255.255.255, 255.255.255.255",
        "0.0.0.0, 0.0.0.0",
        "::, ::",
        "::1, ::1",
        "1::, 1::",
        "FD00:0010:0244::, fd00:10:244::",
        "2001:db8:0:1:1:1:1:1, 2001:db8:0:1:1:1:1:1",
        "2001:0:0:1:0:0:0:1, 2001:0:0:1::1",
        "2001:db8:0:0:1:0:0:1, 2001:db8::1:0:0:1",
        "1:0:2:3:4:5:6:7, 1:0:2:3:4:5:6:7",
        "1:2:3:4:5:6:7::, 1:2:3:4:5:6:7:0",
        "::2:3:4:5:6:7:8, 0:2:3:4:5:6:7:8",
        "64:ff9b::192.0.2.1, 64:ff9b::c000:201",
        "1:2:3:4:5:6:192.0.2.1, 1:2:3:4:5:6:c000:201",
        "::10.0.0.1, ::a00:1",
    })
    void shouldPrintCanonicalFormWhenParsed(final String text, final String canonical) {
        assertEquals(canonical, IpAddress.parse(text).toString());
        assertEquals(IpAddress.parse(text), IpAddress.parse(canonical));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ".",
                ":",
                "10.1",
                "10.244.1",
                "10.244.1.0.0",
                "10.244.1.",
                ".10.244.1",
                "10..244.1",
                "10.244.1.256",
                "10.244.01.0",
                "010.0.0.1",
                "10.244.1.-1",
                "10.244.1.+1",
                "10.244.1.0 ",
                " 10.244.1.0",
                "0x0a.1.1.1",
                "168034305",
                "localhost",
                "\u0661.1.1.1",
                ":::",
                "::\u0661",
                "1:2:3",
                "1:2:3:4:5:6:7",
                "1:2:3:4:5:6:7:8:9",
                "1:2:3:4:5:6:7:8::",
                "1:2:3:4::5:6:7:8",
                "1::2::3",
                "12345::",
                "g::",
                ":1::",
                "1:",
                "1::2:",
                "::1.2.3",
                "::01.2.3.4",
                "192.0.2.1::",
                "1:192.0.2.1:2::",
                "1:2:3:4:5:6:7:192.0.2.1",
                "fe80::1%lo",
                "[::1]",
            })
    void shouldNameTheTextWhenItIsNoAddress(final String text) {
        final Exception refused = assertThrows(IllegalArgumentException.class, () -> IpAddress.parse(text));
        assertEquals("'" + text + "' is not an IP address", refused.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"::ffff:10.0.0.1", "::ffff:a00:1", "0:0:0:0:0:ffff:a00:1"})
    void shouldRefuseTextThatIsIpv4Mapped(final String text) {
        final Exception refused = assertThrows(IllegalArgumentException.class, () -> IpAddress.parse(text));
        assertEquals("'" + text + "' is an IPv4-mapped address, write it as IPv4", refused.getMessage());
    }

    @Test
    void shouldKeepAMappedAddressAsIpv6WhenItComesAsBytes() {
        final byte[] mapped = new byte[16];
        mapped[10] = (byte) 0xff;
        mapped[11] = (byte) 0xff;
        mapped[12] = (byte) 192;
        mapped[14] = 2;
        mapped[15] = 1;
        final IpAddress address = IpAddress.of(mapped);
        assertEquals("::ffff:c000:201", address.toString());
        assertTrue(address.isIpv4Mapped());
        assertInstanceOf(Inet6Address.class, address.toInetAddress());
        assertEquals(address, IpAddress.of(address.toInetAddress()));
        final IpAddress ipv4 = IpAddress.parse("192.0.2.1");
        assertEquals(address, new IpAddress(IpFamily.IPV6, ipv4.mappedHigh(), ipv4.mappedLow()));
        assertFalse(ipv4.isIpv4Mapped());
        assertFalse(IpAddress.parse("::fffe:0:1").isIpv4Mapped());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3, 5, 15, 17})
    void shouldRefuseBytesThatAreNoAddress(final int length) {
        final Exception refused = assertThrows(IllegalArgumentException.class, () -> IpAddress.of(new byte[length]));
        assertEquals(length + " bytes are not an IP address: it has 4 or 16", refused.getMessage());
    }

    @Test
    void shouldRefuseBitsThatAnIpv4AddressDoesNotHave() {
        assertThrows(IllegalArgumentException.class, () -> new IpAddress(IpFamily.IPV4, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new IpAddress(IpFamily.IPV4, 0, 1));
    }

    @ParameterizedTest
    @CsvSource({
        "224.0.0.0, true",
        "239.255.255.255, true",
        "223.255.255.255, false",
        "240.0.0.0, false",
        "ff02::1, true",
        "fe80::1, false"
    })
    void shouldKnowMulticast(final String text, final boolean isMulticast) {
        assertEquals(isMulticast, IpAddress.parse(text).isMulticast());
    }

    @Test
    void shouldKnowTheBroadcastAddress() {
        assertTrue(IpAddress.parse("255.255.255.255").isBroadcast());
        assertFalse(IpAddress.parse("255.255.255.254").isBroadcast());
        assertFalse(IpAddress.parse("240.0.0.1").isBroadcast());
        assertFalse(IpAddress.parse("ffff:ffff::").isBroadcast());
    }

    @Test
    void shouldKnowTheUnspecifiedAddress() {
        assertTrue(IpAddress.parse("0.0.0.0").isUnspecified());
        assertTrue(IpAddress.parse("::").isUnspecified());
        assertFalse(IpAddress.parse("0.0.0.1").isUnspecified());
        assertFalse(IpAddress.parse("::1").isUnspecified());
    }

    @Test
    void shouldSortByBitsWithoutSignAndIpv4First() {
        assertTrue(IpAddress.parse("127.0.0.1").compareTo(IpAddress.parse("128.0.0.1")) < 0);
        assertTrue(IpAddress.parse("7fff::").compareTo(IpAddress.parse("8000::")) < 0);
        assertTrue(IpAddress.parse("::7fff:0:0:0").compareTo(IpAddress.parse("::8000:0:0:0")) < 0);
        assertTrue(IpAddress.parse("255.0.0.0").compareTo(IpAddress.parse("::")) < 0);
        assertEquals(0, IpAddress.parse("fd00::1").compareTo(IpAddress.parse("fd00::1")));
    }

    @Test
    void shouldAgreeWithTheJdkWhenAddressesAreRandom() throws UnknownHostException {
        final SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 20_000; i++) {
            final byte[] bytes = randomBytes(random);
            final InetAddress address = InetAddress.getByAddress(bytes);
            final IpAddress ours = IpAddress.of(address);
            assertEquals(address, ours.toInetAddress());
            assertEquals(address, InetAddress.getByName(ours.toString()));
            assertEquals(ours, IpAddress.parse(address.getHostAddress()));
            assertEquals(ours, IpAddress.parse(ours.toString()));
            assertArrayEquals(address.getAddress(), ours.toBytes());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "10.244.1.0, 1, 10.244.1.1",
        "10.244.1.0, -1, 10.244.0.255",
        "127.255.255.255, 1, 128.0.0.0",
        "255.255.255.255, 1, 0.0.0.0",
        "0.0.0.0, -1, 255.255.255.255",
        "fd00::, 1, fd00::1",
        "fd00::, -1, fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fd00::ffff:ffff:ffff:ffff, 1, fd00:0:0:1::",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, 1, ::",
        "::, -1, ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    })
    void shouldCountOnFromAnAddress(final String text, final long offset, final String sum) {
        assertEquals(sum, IpAddress.parse(text).plus(offset).toString());
    }

    @Test
    void shouldCountAsNumbersDoWhenAddressesAreRandom() {
        final SplittableRandom random = new SplittableRandom(2);
        for (int i = 0; i < 20_000; i++) {
            final IpAddress address = IpAddress.of(randomBytes(random));
            final long offset = random.nextLong() >> random.nextInt(Long.SIZE);
            final BigInteger space = BigInteger.ONE.shiftLeft(address.family().addressBits());
            assertEquals(
                    new BigInteger(1, address.toBytes())
                            .add(BigInteger.valueOf(offset))
                            .mod(space),
                    new BigInteger(1, address.plus(offset).toBytes()));
        }
    }

    private static byte[] randomBytes(final SplittableRandom random) {
        final byte[] bytes = new byte[random.nextBoolean() ? 4 : 16];
        random.nextBytes(bytes);
        for (int zero = random.nextInt(bytes.length); zero < bytes.length; zero += 1 + random.nextInt(3)) {
            bytes[zero] = 0;
        }
        return bytes;
    }
}
