/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.capture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CaptureQuestionTest {
    /** As a weft of another version may ask: in weftd's own words, whichever of them it does not know. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "capture all - - - - - text 10",
                "capture some - - - - - text 10 100",
                "capture all sideways - - - - text 10 100",
                "capture all - pod - - - text 10 100",
                "capture all - - - tcp - text 10 100",
                "capture all - - - - - poem 10 100",
                "capture all - - - - - text many 100"
            })
    void shouldSayThatItDoesNotUnderstand(final String question) {
        final IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> CaptureQuestion.parse(question));
        assertEquals("\"" + question + "\" is not understood by this version of weftd", refused.getMessage());
    }
}
