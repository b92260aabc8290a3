/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.overlay.registry.FaultyProxy;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process whose clock is set while it follows etcd; the machine's own clock is left alone. */
class ClockJumpTest {
    private static final String PREFIX = "/coreos.com/network";
    private static final String OTHER = "{\"PublicIP\":\"192.168.0.9\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
            + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:09\"}}";
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;

    @TempDir
    private Path directory = Path.of(".");

    private static @Nullable Path faketime() throws IOException {
        try (DirectoryStream<Path> architectures = Files.newDirectoryStream(Path.of("/usr/lib"), "*-linux-gnu*")) {
            for (final Path architecture : architectures) {
                final Path library = architecture.resolve("faketime/libfaketimeMT.so.1");
                if (Files.exists(library)) {
                    return library;
                }
            }
        }
        return null;
    }

    /** Sets the clock of the process so many days off, and waits until it has noticed. */
    private void jump(final int days) throws IOException {
        setClock((days < 0 ? "" : "+") + days + 'd');
        final long day = LocalDate.now(ZoneOffset.UTC).plusDays(days).toEpochDay();
        awaitHeard("clock " + day, "clock " + (day + 1)); // it may be midnight
    }

    private void setClock(final String offset) throws IOException {
        final Path fresh = Files.writeString(directory.resolve("fresh"), offset);
        Files.move(fresh, directory.resolve("clock"), StandardCopyOption.ATOMIC_MOVE);
    }

    private void awaitHeard(final String... lines) {
        final Path out = directory.resolve("out");
        Await.until(
                () -> String.join(" or ", lines) + " in " + read(out),
                TIMEOUT_MS,
                () -> read(out).lines().anyMatch(List.of(lines)::contains));
    }

    private static String read(final Path file) {
        try {
            return Files.readString(file);
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    @Test
    void shouldGiveUpWhatIsSilentWhereverTheClockIsSet() throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        final Path library = faketime();
        assumeTrue(null != library, "needs Debian's libfaketime");
        setClock("+0");
        try (EtcdServer etcd = new EtcdServer(directory);
                FaultyProxy proxy = new FaultyProxy(etcd.endpoint())) {
            etcd.ctl("put", PREFIX + "/config", "{\"Network\":\"10.5.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}");
            final ProcessBuilder builder = new ProcessBuilder(List.of(
                            System.getProperty("java.home") + "/bin/java",
                            "-cp",
                            System.getProperty("java.class.path"),
                            EtcdFollowerMain.class.getName(),
                            proxy.endpoint()))
                    .redirectErrorStream(true)
                    .redirectOutput(directory.resolve("out").toFile());
            builder.environment()
                    .putAll(Map.of(
                            "LD_PRELOAD",
                            String.valueOf(library),
                            "FAKETIME_TIMESTAMP_FILE",
                            directory.resolve("clock").toString(),
                            "FAKETIME_NO_CACHE",
                            "1",
                            "FAKETIME_DONT_FAKE_MONOTONIC",
                            "1"));
            final Process follower = builder.start();
            try {
                Await.until("the leases are followed", TIMEOUT_MS, proxy::hasStream);
                etcd.ctl("put", PREFIX + "/subnets/10.5.200.0-24", OTHER);
                awaitHeard("10.5.200.0-24");
                jump(-10);
                proxy.silenceStreams();
                etcd.ctl("put", PREFIX + "/subnets/10.5.201.0-24", OTHER);
                awaitHeard("10.5.201.0-24");
                jump(-30);
                proxy.spoil("/v3/kv/range", FaultyProxy.Fault.HALF_BODY, 1);
                proxy.cutStreams();
                Await.until("a list that stalls", TIMEOUT_MS, proxy::isUsedUp);
                etcd.ctl("put", PREFIX + "/subnets/10.5.202.0-24", OTHER);
                awaitHeard("10.5.202.0-24");
                jump(30);
                etcd.ctl("put", PREFIX + "/subnets/10.5.203.0-24", OTHER);
                awaitHeard("10.5.203.0-24");
            } finally {
                follower.destroyForcibly().onExit().join();
            }
        }
    }
}
