/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlainTextTest {
    /** Orders to a terminal of 7 and of 8 bits, a line of its own, text that is read from the right, and what is well. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            value = {
                "a\u001b[2Jb ~ a\\u001b[2Jb",
                "a\u009b2Jb\u007f ~ a\\u009b2Jb\\u007f",
                "'a\nINFO ready: b' ~ a INFO ready: b",
                "'a\r\nb' ~ a  b",
                "a\u202eb\u2028c ~ a\\u202eb\\u2028c",
                "'a\tb é 木 \uD83E\uDDF6' ~ 'a\tb é 木 \uD83E\uDDF6'",
            })
    void shouldShowWhatNoTerminalIsToObey(final String text, final String plain) {
        assertEquals(plain, PlainText.of(text));
    }
}
