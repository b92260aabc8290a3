/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

/** For which packets a condition holds, of those that something is known of. What is not understood holds for some. */
enum Match {
    ALL,
    SOME,
    NONE;

    /** Where both have to hold. */
    Match and(final Match other) {
        if (NONE == this || NONE == other) {
            return NONE;
        }
        return ALL == this ? other : this;
    }

    Match inverted() {
        return switch (this) {
            case ALL -> NONE;
            case SOME -> SOME;
            case NONE -> ALL;
        };
    }
}
