/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Has {@code weft show} begin to count anew, while the counters go on. */
@Command(
        name = "clear",
        mixinStandardHelpOptions = true,
        description =
                "Has weft show begin at 0 from now on, until the daemon starts anew; counters and metrics go on as they are.")
final class ClearCommand implements Callable<Integer> {
    @Mixin
    private Daemons daemons = new Daemons();

    /** For picocli. */
    ClearCommand() {}

    @Override
    public Integer call() {
        daemons.refuseArchive();
        for (final DaemonRecord daemon : daemons.require()) {
            for (final DeviceRecord device : daemon.devices()) {
                try {
                    device.clear(System.currentTimeMillis());
                } catch (final IOException failure) {
                    throw new IllegalStateException("clear the counters of " + device.name() + ": " + failure, failure);
                }
            }
        }
        return 0;
    }
}
