/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lease;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LeaseKeyTest {
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
