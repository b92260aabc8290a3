/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class LogFieldsTest {
    @Test
    void shouldPutValuesInQuotesThatAreMoreThanAWord() {
        assertEquals(
                " device=weft.1 packets=7 reason=\"told to stop\" none=\"\" said=\"a \\\"b\\\" c\"",
                LogFields.of(
                        "device", "weft.1", "packets", 7L, "reason", "told to stop", "none", "", "said", "a \"b\"\nc"));
    }
}
