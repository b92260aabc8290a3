/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The operations of the specification, with what each demands of the environment and of the configuration's version. */
enum Command {
    ADD(SpecVersion.V0_1_0),
    DEL(SpecVersion.V0_1_0),
    CHECK(SpecVersion.V0_4_0),
    GC(SpecVersion.V1_1_0),
    STATUS(SpecVersion.V1_1_0),
    VERSION(SpecVersion.V0_1_0);

    private final SpecVersion since;

    Command(final SpecVersion since) {
        this.since = since;
    }

    /** The first version of the specification that has the operation. */
    SpecVersion since() {
        return since;
    }

    /** The variables that must be set and not empty, in the order in which an error lists them. */
    List<String> requiredVariables() {
        if (VERSION == this) {
            return List.of();
        }
        if (GC == this || STATUS == this) {
            return List.of(Invocation.PATH);
        }
        return DEL == this
                ? List.of(Invocation.CONTAINER_ID, Invocation.IFNAME, Invocation.PATH)
                : List.of(Invocation.CONTAINER_ID, Invocation.NETNS, Invocation.IFNAME, Invocation.PATH);
    }

    /** The operation of that name, or null. */
    static @Nullable Command of(final String name) {
        for (final Command command : values()) {
            if (command.name().equals(name)) {
                return command;
            }
        }
        return null;
    }
}
