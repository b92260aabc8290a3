/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import org.jspecify.annotations.Nullable;

/** Whether a packet gets to its destination, for all that is known on this node. In order: of two, the later one decides. */
enum Arrival {
    /** Nothing is known that would keep it from there. */
    YES,
    /** One sign speaks against it, and another one for it. */
    UNKNOWN,
    /** Something keeps it from there. */
    NO;

    /** That of {@code weft explain}: where it is not known, that of status and ping, which the peer is wrong for too. */
    int exitCode() {
        return switch (this) {
            case YES -> StatusCommand.OK;
            case UNKNOWN -> StatusCommand.WRONG;
            case NO -> 1;
        };
    }

    /** With something else that is known. */
    Arrival and(final Arrival other) {
        return compareTo(other) < 0 ? other : this;
    }

    /** True, false, or null where it is not known. */
    @Nullable
    Boolean json() {
        return switch (this) {
            case YES -> true;
            case UNKNOWN -> null;
            case NO -> false;
        };
    }
}
