/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.capture;

import io.weft.overlay.json.JsonOutput;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A packet and its way, in words.
 *
 * @param fields what is known of it, by the names that JSON has.
 * @param line the same for people.
 * @param steps found out, decided and done about it, in their order; more may be added.
 */
record TracedPacket(Map<String, Object> fields, String line, List<Step> steps) {
    private static final int NAME_WIDTH = 11;

    /**
     * One step.
     *
     * @param name of the step or decision.
     * @param words what it came to.
     */
    record Step(String name, String words) {
        private String line() {
            return "\n  " + name + " ".repeat(Math.max(1, NAME_WIDTH - name.length())) + words;
        }

        private Map<String, Object> json() {
            final Map<String, Object> json = new LinkedHashMap<>();
            json.put("step", name);
            json.put("words", words);
            return json;
        }
    }

    TracedPacket(final Map<String, Object> fields, final String line) {
        this(fields, line, new ArrayList<>());
    }

    void add(final String name, final String words) {
        steps.add(new Step(name, words));
    }

    /** A line for the packet, and one for each step. */
    String text() {
        return line + steps.stream().map(Step::line).collect(Collectors.joining());
    }

    /** One line. */
    String json() {
        final Map<String, Object> json = new LinkedHashMap<>(fields);
        json.put("steps", steps.stream().map(Step::json).toList());
        return JsonOutput.of(json);
    }
}
