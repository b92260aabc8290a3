/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

/** How the four agents of a worker are put on threads. */
public enum ThreadingMode {
    /** None: the caller invokes the agents. For tests, which so are deterministic. */
    INVOKER,

    /** One thread for all four: fewest wake-ups, best where cores are few. */
    SHARED,

    /** One thread for each direction. */
    SHARED_NETWORK,

    /** One thread for each agent. */
    DEDICATED
}
