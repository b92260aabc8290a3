/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import org.jspecify.annotations.Nullable;

/** The versions of the CNI specification that the plugin speaks, oldest first. */
enum SpecVersion {
    V0_1_0("0.1.0"),
    V0_2_0("0.2.0"),
    V0_3_0("0.3.0"),
    V0_3_1("0.3.1"),
    V0_4_0("0.4.0"),
    V1_0_0("1.0.0"),
    V1_1_0("1.1.0");

    /** That of a configuration which names none: the specification's 0.1.0 had no such key. */
    static final SpecVersion UNNAMED = V0_1_0;

    /** The newest, which an error is reported in when the configuration's own version is not known. */
    static final SpecVersion NEWEST = V1_1_0;

    private final String text;

    SpecVersion(final String text) {
        this.text = text;
    }

    /** As in {@code cniVersion}. */
    String text() {
        return text;
    }

    boolean isBefore(final SpecVersion other) {
        return compareTo(other) < 0;
    }

    /** Whether results have {@code ip4} and {@code ip6} in the place of {@code ips}. */
    boolean hasOldResults() {
        return isBefore(V0_3_0);
    }

    /** The version that is written so, or null where it is not spoken. */
    static @Nullable SpecVersion of(final String text) {
        for (final SpecVersion version : values()) {
            if (version.text.equals(text)) {
                return version;
            }
        }
        return null;
    }

    /** All versions, as a message or VERSION lists them. */
    static String list() {
        final StringBuilder list = new StringBuilder();
        for (final SpecVersion version : values()) {
            list.append(list.length() == 0 ? "" : ", ").append(version.text);
        }
        return list.toString();
    }
}
