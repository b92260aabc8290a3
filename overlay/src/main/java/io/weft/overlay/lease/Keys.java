/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lease;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonValue;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** The check for keys that nobody reads: in a file that people write, such a key is a typing error. */
final class Keys {
    private Keys() {}

    /**
     * Checks the members of one object.
     *
     * @throws JsonException at the first member whose name, in any case of its letters, is not among the known.
     */
    static void requireKnown(final JsonValue object, final Set<String> known) {
        for (final Map.Entry<String, JsonValue> member : object.members().entrySet()) {
            if (!known.contains(member.getKey()) && known.stream().noneMatch(member.getKey()::equalsIgnoreCase)) {
                throw member.getValue()
                        .error("is an unknown key, known here: " + String.join(", ", new TreeSet<>(known)));
            }
        }
    }
}
