/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.daemon;

import static java.lang.System.Logger.Level.INFO;

import io.weft.dataplane.pod.PodPort;
import io.weft.dataplane.underlay.NextHopFinder;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.host.DeviceLock;
import io.weft.overlay.host.GuardRoutes;
import io.weft.overlay.host.Privileges;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.options.WeftOptions;
import io.weft.overlay.record.StartRecord;
import io.weft.overlay.registry.known.KnownLeasesFile;
import io.weft.overlay.rules.TunnelPort;
import java.io.UncheckedIOException;

/**
 * The end of weft on a host: takes away what weftd leaves there, on purpose when it stops, or because it was killed. The routes of a
 * host-gw network and those firewall rules stay that flanneld has as well.
 */
final class Uninstall {
    private static final System.Logger LOG = System.getLogger(Uninstall.class.getName());

    private Uninstall() {}

    /**
     * Runs it, in the calling thread's network namespace.
     *
     * @return the exit code: 0.
     * @throws StartupException when a weftd of the same run directory runs, or the kernel refuses.
     */
    static int run(final WeftOptions options) {
        Privileges.requireNetAdmin();
        DeviceLock.requireNoneHeld(options.runDirectory);
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            GuardRoutes.removeAll(rtnetlink);
            PodPort.removeLeft(rtnetlink)
                    .forEach(name -> LOG.log(INFO, "device {0} taken away{1}", name, LogFields.of("device", name)));
            rtnetlink.links().forEach(link -> NextHopFinder.removeLeft(rtnetlink, link.index()));
            KnownLeasesFile.deleteAll(options.stateDirectory);
            StartRecord.removeAll(options.runDirectory);
            TunnelPort.removeRules();
            return 0;
        } catch (final LinuxException | UncheckedIOException failure) {
            throw new StartupException(String.valueOf(failure.getMessage()), failure);
        }
    }
}
