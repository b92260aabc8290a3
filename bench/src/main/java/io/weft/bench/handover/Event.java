/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

import java.io.IOException;

/** What happens while pods send. */
@FunctionalInterface
interface Event {
    /** Returns when it has happened. */
    void happen() throws IOException;
}
