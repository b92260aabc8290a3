/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.LinuxException;
import io.weft.linux.NotifySocket;

/** What systemd is told (sd_notify(3)), where it has asked by NOTIFY_SOCKET. */
public final class ServiceManager {
    private static final System.Logger LOG = System.getLogger(ServiceManager.class.getName());

    private ServiceManager() {}

    /** Tells that start-up is finished; a manager that does not listen stops nothing. */
    public static void tellReady() {
        final String path = System.getenv("NOTIFY_SOCKET");
        if (null != path && !path.isEmpty()) {
            try {
                NotifySocket.send(path, "READY=1");
            } catch (final LinuxException failure) {
                LOG.log(WARNING, failure.getMessage());
            }
        }
    }
}
