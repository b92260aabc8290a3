/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench;

import io.weft.bench.lab.Weftd;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** How weftd is started, for trying variants. */
final class WeftdOptions {
    @Option(
            names = "--weftd",
            defaultValue = "${sys:weft.home}/bin/weftd",
            description = "The daemon's launcher (default: that of this build).")
    private Path launcher = Path.of("weftd");

    @Option(
            names = "--weftd-args",
            split = " ",
            description = "More arguments for weftd, such as --weftd-args='--workers=2 --busy-poll'.")
    private List<String> arguments = List.of();

    @Option(
            names = "--underlay-port",
            defaultValue = "",
            description = "What weftd receives by from the underlay: auto, udp or packet (default: weftd's own).")
    private String underlayPort = "";

    @Option(
            names = "--pod-port",
            defaultValue = "",
            description = "By what weftd takes pods' packets: auto, tun or packet (default: weftd's own).")
    private String podPort = "";

    @Option(
            names = "--user",
            defaultValue = "",
            description = "User that weftd runs as, with CAP_NET_ADMIN and CAP_NET_RAW alone, such as nobody; who can"
                    + " read the launcher (default: root).")
    private String user = "";

    @Option(
            names = "--weft-java-opts",
            defaultValue = "",
            description = "JVM options for weftd, such as --weft-java-opts=-Xmx128m.")
    private String javaOptions = "";

    Weftd weftd() {
        final Weftd weftd = new Weftd(List.of(launcher.toString()), arguments, javaOptions, user);
        final Weftd received = underlayPort.isEmpty() ? weftd : weftd.with("--underlay-port=" + underlayPort);
        return podPort.isEmpty() ? received : received.with("--pod-port=" + podPort);
    }

    /** Where the other launchers are: beside the daemon's. */
    Path bin() {
        return launcher.toAbsolutePath().resolveSibling("");
    }

    /** What was asked for, for a report. */
    @Override
    public String toString() {
        final List<String> asked = new ArrayList<>(weftd().arguments());
        asked.add(user.isEmpty() ? "" : "user=" + user);
        asked.add(javaOptions);
        final String words = String.join(" ", asked).strip();
        return words.isEmpty() ? "defaults" : words;
    }
}
