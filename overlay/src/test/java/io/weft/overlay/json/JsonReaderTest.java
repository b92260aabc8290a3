/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.json;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonReaderTest {
    private static String words(final String text) {
        final byte[] bytes = text.getBytes(ISO_8859_1);
        final String words = String.valueOf(assertThrows(JsonException.class, () -> JsonReader.read(bytes, "text"))
                .getMessage());
        assertFalse(words.matches("(?s).*(`|\\[Source|Stream|marker|Feature|\n).*"), words);
        return words;
    }

    private static String ofMembers(final String text) {
        return String.valueOf(assertThrows(
                        JsonException.class,
                        () -> JsonText.of(text.getBytes(ISO_8859_1), "text").members())
                .getMessage());
    }

    /** As of a file that is cut short while it is written, or that somebody edits: no words of the parser's about itself. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "~{\"config\": {\n~ | 2:1: ends too early, inside an object: it is cut short",
                "{\"a\": [1, 2      | 1:12: ends too early, inside an array: it is cut short",
                "{\"a\": \"b        | 1:9: ends too early: it is cut short",
                "{\"a\"            | 1:5: ends too early, inside an object: it is cut short",
                "[1}                | 1:3: Unexpected '}': expected ']'",
                "{\"a\": 1]         | 1:8: Unexpected ']': expected '}'",
                "}                  | 1:1: Unexpected '}': no open Object to close",
                "{\"a\": NaN}       | 1:10: Non-standard token 'NaN'",
                "// a               | 1:1: Unexpected character ('/' (code 47)): maybe a (non-standard) comment?",
                "{\"a\": 01}        | 1:8: Invalid numeric value: Leading zeroes not allowed",
            })
    void shouldSayInPlainWordsWhatIsWrongAndWhere(final String text, final String expected) {
        assertEquals("text:" + expected, words(text));
    }

    @Test
    void shouldSayInPlainWordsWhatIsTooLong() {
        assertEquals(
                "text:1:1: Number value length (2000) exceeds the maximum allowed (1000)", words("1".repeat(2_000)));
    }

    @Test
    void shouldSayTheSameOfATextThatIsReadInParts() {
        assertEquals("text:1:13: ends too early, inside an object: it is cut short", ofMembers("{\"config\": {"));
    }
}
