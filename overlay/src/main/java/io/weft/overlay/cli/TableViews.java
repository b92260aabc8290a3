/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.overlay.record.TablesFile;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Lines of a {@link TablesFile} as {@code ip -json} and {@code bridge -json} have them. */
final class TableViews {
    /** By the first word: prefixes and addresses in their own order. */
    static final Comparator<String> BY_KEY = TableViews::compare;

    private TableViews() {}

    private static int compare(final String one, final String other) {
        final String first = word(one, 0);
        final String second = word(other, 0);
        if (first.indexOf('/') >= 0) {
            return IpPrefix.parse(first).compareTo(IpPrefix.parse(second));
        }
        return isMac(first) ? first.compareTo(second) : IpAddress.parse(first).compareTo(IpAddress.parse(second));
    }

    private static boolean isMac(final String word) {
        return word.matches("(?:[0-9a-f]{2}:){5}[0-9a-f]{2}");
    }

    private static String word(final String line, final int index) {
        return line.split(" ", -1)[index];
    }

    /** The word behind a key. */
    private static String value(final String line, final String key) {
        final List<String> words = List.of(line.split(" ", -1));
        return words.get(words.indexOf(key) + 1);
    }

    static Map<String, Object> route(final String line) {
        final Map<String, Object> json = new LinkedHashMap<>();
        json.put("dst", word(line, 0));
        json.put("gateway", value(line, "via"));
        json.put("dev", value(line, "dev"));
        json.put("flags", List.of("onlink"));
        return json;
    }

    static Map<String, Object> neighbour(final String line) {
        final Map<String, Object> json = new LinkedHashMap<>();
        json.put("dst", word(line, 0));
        json.put("dev", value(line, "dev"));
        json.put("lladdr", value(line, "lladdr"));
        json.put("state", List.of("PERMANENT"));
        return json;
    }

    static Map<String, Object> fdbEntry(final String line) {
        final Map<String, Object> json = new LinkedHashMap<>();
        json.put("mac", word(line, 0));
        json.put("ifname", value(line, "dev"));
        json.put("dst", value(line, "dst"));
        for (final String key : List.of("port", "vni")) {
            if (line.contains(" " + key + " ")) {
                json.put(key, Integer.valueOf(value(line, key)));
            }
        }
        json.put("flags", List.of("self"));
        json.put("state", "permanent");
        return json;
    }
}
