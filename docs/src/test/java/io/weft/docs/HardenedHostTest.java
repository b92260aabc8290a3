/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is installed, bin and lib as the build has laid them out, on a hardened host. */
class HardenedHostTest {
    private static final long TIMEOUT_MS = TimeUnit.MINUTES.toMillis(2);
    private static final Path ROOT = Path.of(System.getProperty("weft.root", ".."));

    @TempDir
    private Path directory = Path.of(".");

    /** CIS and STIG benchmarks have {@code /tmp} noexec; images have a root that cannot be written. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "mount -t tmpfs -o noexec,nosuid,nodev tmpfs /tmp",
                "mount -t tmpfs -o noexec tmpfs /tmp && mount -o remount,bind,ro /",
                "mount -t tmpfs -o ro tmpfs /tmp",
            })
    @RequiresRoot
    void shouldForwardWhateverTemporaryFilesMayDo(final String mounts) throws IOException {
        try (Topology topology = Topology.twoNodes()) {
            final Topology.Node node = topology.node(0);
            final Path leases = Files.writeString(
                    directory.resolve("leases.json"),
                    "{\"config\":{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}},\"leases\":{\"10.244.0.0-24\":"
                            + "{\"PublicIP\":\"" + node.underlayAddress()
                            + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + node.vtepMac()
                            + "\"}}}}");
            // The files are looked at beside the mounts, for they may be below one of the places.
            final String script = "mkdir -p /run/weft-files && mount --bind '" + directory + "' /run/weft-files && "
                    + mounts
                    + " && exec " + ROOT.toAbsolutePath().normalize().resolve("bin/weftd")
                    + " --run-dir=/run/weft-files/run --subnet-file=/run/weft-files/subnet.env"
                    + " --registry=file:/run/weft-files/" + leases.getFileName() + " --iface=" + node.underlayDevice();
            final String alone = "mount -t tmpfs tmpfs /run && " + script;
            try (BackgroundProcess weftd = node.namespace().start("unshare", "--mount", "sh", "-c", alone)) {
                weftd.awaitOutput("ready: weft.1 forwards", TIMEOUT_MS);
            }
        }
    }

    /** The native stub as a file, for the processors that Debian's kernels run Kubernetes on. */
    @ParameterizedTest
    @ValueSource(strings = {"x86_64", "aarch64", "riscv64", "s390x", "ppc64le"})
    void shouldHaveTheNativeStubAsAFile(final String machine) {
        assertTrue(Files.exists(ROOT.resolve("target/weft/lib/jni/" + machine + "-Linux/libjffi-1.2.so")));
    }

    @Test
    void shouldNeverBeGivenUpBySystemd() throws IOException {
        final List<String> unit = Files.readAllLines(ROOT.resolve("deploy/weftd.service"));
        final List<String> general = unit.subList(unit.indexOf("[Unit]"), unit.indexOf("[Service]"));
        final List<String> service = unit.subList(unit.indexOf("[Service]"), unit.indexOf("[Install]"));
        assertTrue(general.contains("StartLimitIntervalSec=0"), general::toString);
        assertTrue(service.contains("Restart=always"), service::toString);
        assertTrue(service.contains("TimeoutStartSec=infinity"), service::toString);
        assertEquals(
                1,
                service.stream().filter(line -> line.startsWith("RestartSec=")).count());
    }
}
