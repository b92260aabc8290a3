/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lease;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LeaseKeyTest {
    @ParameterizedTest
    @ValueSource(strings = {"10.244.1.0-24", "10.12.13.0-24&fd00:12:13::-56", "fd00::-64"})
    void shouldKeepAKeyAsFlannelWritesIt(final String key) {
        assertEquals(key, LeaseKey.parse(key).toString());
    }

    @Test
    void shouldBeInTheOrderOfTheAddresses() {
        final List<LeaseKey> sorted = Stream.of(
                        "fd00:3::-64", "10.244.10.0-24", "10.244.2.0-24", "10.244.2.0-24&fd00:2::-64")
                .map(LeaseKey::parse)
                .sorted()
                .toList();
        assertEquals(
                List.of("10.244.2.0-24&fd00:2::-64", "10.244.2.0-24", "10.244.10.0-24", "fd00:3::-64"),
                sorted.stream().map(LeaseKey::toString).toList());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "10.244.1.0", "10.244.1.0/24", "10.244.1.1-24", "10.244.1.0-33", "10.244.1-24", "fd00::1-64"
            })
    void shouldRefuseWhatIsNoKey(final String key) {
        assertThrows(IllegalArgumentException.class, () -> LeaseKey.parse(key));
    }
}
