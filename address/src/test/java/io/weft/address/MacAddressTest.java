/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.address;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MacAddressTest {
    @Test
    void shouldReadEitherCaseAndPrintLowerCase() {
        final MacAddress mac = MacAddress.parse("C6:D2:32:6f:8f:04");
        assertEquals("c6:d2:32:6f:8f:04", mac.toString());
        assertEquals(0xC6D2_326F_8F04L, mac.value());
        assertEquals("00:00:00:00:00:00", new MacAddress(0).toString());
        assertEquals("ff:ff:ff:ff:ff:ff", new MacAddress(0xFFFF_FFFF_FFFFL).toString());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "02:00:00:00:00",
                "02:00:00:00:00:01:02",
                "02:00:00:00:00:1",
                "02:00:00:00:00:1:",
                "2:00:00:00:00:001",
                "02-00-00-00-00-01",
                "0200.0000.0001",
                "020000000001",
                "02:00:00:00:00:0g",
                "02:00:00:00:00:-1",
                "02:00:00:00:00:0\u0661",
                " 2:00:00:00:00:01",
                "02:00:00:00:00:01 "
            })
    void shouldNameTheTextWhenItIsNoAddress(final String text) {
        final Exception refused = assertThrows(IllegalArgumentException.class, () -> MacAddress.parse(text));
        assertEquals("'" + text + "' is not a MAC address of the form 02:00:00:00:00:01", refused.getMessage());
    }

    @ParameterizedTest
    @ValueSource(longs = {1L << 48, -1, Long.MIN_VALUE})
    void shouldRefuseMoreBitsThanAnAddressHas(final long value) {
        final Exception refused = assertThrows(IllegalArgumentException.class, () -> new MacAddress(value));
        assertEquals("MAC 0x" + Long.toHexString(value) + " has more than 48 bits", refused.getMessage());
    }

    @Test
    void shouldKnowTheGroupBit() {
        assertFalse(MacAddress.parse("02:00:00:00:00:01").isMulticast());
        assertTrue(MacAddress.parse("01:00:5e:00:00:01").isMulticast());
        assertTrue(MacAddress.parse("ff:ff:ff:ff:ff:ff").isMulticast());
    }
}
