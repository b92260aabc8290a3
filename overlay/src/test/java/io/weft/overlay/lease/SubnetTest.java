/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lease;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SubnetTest {
    @ParameterizedTest
    @CsvSource({
        "10.244.1.0/24, 10.244.2.0/24",
        "10.244.255.0/24, 10.245.0.0/24",
        "127.255.255.0/24, 128.0.0.0/24",
        "fd00:0:0:1::/64, fd00:0:0:2::/64",
        "fd00::ffff:ffff:ffff:0/112, fd00::1:0:0:0:0/112",
    })
    void shouldGiveTheBlockAfterwards(final String block, final String next) {
        assertEquals(Subnet.parse(next), Subnet.parse(block).next());
    }

    @ParameterizedTest
    @CsvSource({
        "10.244.0.0/16, 24, 10.244.255.0/24",
        "10.0.0.0/28, 30, 10.0.0.12/30",
        "fd00::/48, 64, fd00:0:0:ffff::/64"
    })
    void shouldGiveTheLastBlockInside(final String network, final int length, final String last) {
        assertEquals(last, Subnet.parse(network).last(length).toString());
    }

    @Test
    void shouldMaskHostBitsWhenParsedAsGoDoes() {
        assertEquals("10.244.3.0/24", Subnet.parse("10.244.3.1/24").toString());
        assertEquals("fd00:3::/64", Subnet.parse("fd00:3::1/64").toString());
    }

    @Test
    void shouldOverlapOnlyWhenAnAddressIsShared() {
        assertTrue(Subnet.parse("10.0.0.0/8").overlaps(Subnet.parse("10.1.0.0/16")));
        assertTrue(Subnet.parse("10.1.0.0/16").overlaps(Subnet.parse("10.0.0.0/8")));
        assertFalse(Subnet.parse("10.1.0.0/16").overlaps(Subnet.parse("10.2.0.0/16")));
        assertFalse(Subnet.parse("0.0.0.0/0").overlaps(Subnet.parse("::/0")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.244.1.0-24", "10.12.13.0-24&fd00:12:13::-56", "fd00::-64"})
    void shouldKeepAKeyAsFlannelWritesIt(final String key) {
        assertEquals(key, LeaseKey.parse(key).toString());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "10.244.1.0", "10.244.1.0/24", "10.244.1.1-24", "10.244.1.0-33", "10.244.1-24", "fd00::1-64"
            })
    void shouldRefuseWhatIsNoKey(final String key) {
        assertThrows(IllegalArgumentException.class, () -> LeaseKey.parse(key));
    }
}
