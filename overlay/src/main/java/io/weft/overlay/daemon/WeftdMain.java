/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.daemon;

import io.weft.linux.SystemCalls;
import io.weft.overlay.options.WeftdCommandLine;

/** Entry of the daemon. */
public final class WeftdMain {
    private WeftdMain() {}

    /**
     * Runs weftd until SIGTERM or SIGINT, or until it cannot go on.
     *
     * @param arguments flanneld's flags and weft's; exit code 0 when it was told to stop, 1 for a failure, 2 for a wrong
     *     command line.
     */
    public static void main(final String[] arguments) {
        SystemCalls.prepare();
        System.exit(WeftdCommandLine.of(new WeftdCommand(), System.getenv()).execute(arguments));
    }
}
