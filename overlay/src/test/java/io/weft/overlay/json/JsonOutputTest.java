/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.Map;
import org.junit.jupiter.api.Test;

class JsonOutputTest {
    /** Some of which JSON would let stand as they are. */
    @Test
    void shouldEscapeWhatATerminalObeysAndBeReadAsItWas() {
        final StringBuilder all = new StringBuilder("\u00e4\u20ac\ud83d\ude00");
        for (char character = 0; character < 0x100; character++) {
            all.append(character);
        }
        final String text = JsonOutput.of(Map.of(all.toString(), all.toString()));
        assertFalse(text.matches("(?s).*[\\x00-\\x1f\\x7f-\\x9f].*"), text);
        assertEquals(
                all.toString(),
                JsonReader.read(text.getBytes(UTF_8), "text")
                        .required(all.toString())
                        .string());
    }
}
