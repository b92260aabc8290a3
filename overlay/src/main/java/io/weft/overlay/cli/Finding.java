/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.lifecycle.PlainText;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How one part of a daemon is.
 *
 * @param part such as {@code underlay}.
 * @param isOk whether nothing is to be done about it.
 * @param text what it is, or what is wrong and what to do.
 */
record Finding(String part, boolean isOk, String text) {
    static Finding ok(final String part, final String text) {
        return new Finding(part, true, text);
    }

    /** @param trouble what is wrong and what to do; empty when nothing is. */
    static Finding of(final String part, final String trouble, final String text) {
        return trouble.isEmpty() ? ok(part, text) : new Finding(part, false, trouble);
    }

    Map<String, Object> json() {
        final Map<String, Object> json = new LinkedHashMap<>();
        json.put("part", part);
        json.put("ok", isOk);
        json.put("text", text);
        return json;
    }

    String line() {
        return String.format("  %-10s%-7s%s", part, isOk ? "ok" : "WRONG", PlainText.of(text));
    }
}
