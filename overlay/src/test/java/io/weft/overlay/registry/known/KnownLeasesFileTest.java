/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.known;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.address.MacAddress;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.NetworkConfigReader;
import io.weft.overlay.registry.NodeRequest;
import io.weft.overlay.registry.NodeRequests;
import io.weft.overlay.registry.PublicAddresses;
import java.io.IOException;
import java.net.Inet4Address;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KnownLeasesFileTest {
    private static final String DAEMON = "etcd /coreos.com/network, device , run directory /run/weft";
    private static final long NOW_MS = 1_700_000_000_000L;

    @TempDir
    private Path directory = Path.of(".");

    private static NetworkConfig config(final String json, final boolean allocates) {
        return NetworkConfigReader.read(
                JsonReader.read(json.getBytes(StandardCharsets.UTF_8), "test"), true, allocates);
    }

    private static Lease lease(final String key, final String value) {
        return new Lease(
                LeaseKey.parse(key),
                LeaseAttributes.read(JsonReader.read(value.getBytes(StandardCharsets.UTF_8), "test"), true));
    }

    private static Lease lease(final int node) {
        return lease(
                "10.244." + node + ".0-24",
                "{\"PublicIP\":\"192.168.100." + node + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,"
                        + "\"VtepMAC\":\"02:00:00:00:00:0" + node + "\"}}");
    }

    private static KnownLeases known(final long confirmedMs) {
        return known(confirmedMs, null);
    }

    private static KnownLeases known(final long confirmedMs, final @Nullable Long ownUntilMs) {
        return new KnownLeases(
                DAEMON,
                "123",
                confirmedMs,
                ownUntilMs,
                config("{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}", true),
                address(1),
                null,
                new PublicAddresses("192.168.100.1", ""),
                lease(1),
                List.of(lease(1), lease(2)));
    }

    private static Inet4Address address(final int node) {
        return (Inet4Address) IpAddress.parse("192.168.100." + node).toInetAddress();
    }

    private KnownLeasesFile file() {
        return new KnownLeasesFile(directory.resolve("state"), DAEMON, true);
    }

    private Path path() throws IOException {
        try (Stream<Path> files = Files.list(directory.resolve("state"))) {
            final List<Path> all = files.toList();
            assertEquals(1, all.size(), all::toString);
            return all.get(0);
        }
    }

    @Test
    void shouldReadWhatWasWrittenAndBeForItsUserAlone() throws IOException {
        assertNull(file().read(NOW_MS), "there is none yet");
        assertTrue(file().write(known(NOW_MS)));
        assertTrue(file().write(known(NOW_MS + 1)));
        assertEquals(known(NOW_MS + 1), file().read(NOW_MS));
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path())));
        file().delete();
        assertNull(file().read(NOW_MS));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'Network':'10.244.0.0/16','SubnetLen':26,'SubnetMin':'10.244.1.0','SubnetMax':'10.244.9.64',"
                        + "'EnableNFTables':true,'Backend':{'Type':'vxlan','VNI':7,'Port':4789,'MTU':1400,"
                        + "'Learning':true,'DirectRouting':true}}",
                "{'EnableIPv6':true,'Network':'10.244.0.0/28','IPv6Network':'fd00:10:244::/48',"
                        + "'Backend':{'Type':'vxlan'}}",
                "{'EnableIPv4':false,'EnableIPv6':true,'IPv6Network':'fd00:10:244::/48','Backend':{'Type':'host-gw'}}",
                "{'Network':'10.244.0.0/16'}",
            })
    void shouldReadTheSameConfigurationAgain(final String json) {
        for (final boolean allocates : new boolean[] {true, false}) {
            final NetworkConfig config = config(json.replace('\'', '"'), allocates);
            assertEquals(config, config(config.json(), allocates));
        }
    }

    @Test
    void shouldReadLeasesOfBothFamiliesAgain() {
        final Lease own = lease(
                "10.244.1.0-24&fd00:10:244:1::-64",
                "{\"PublicIP\":\"192.168.100.1\",\"PublicIPv6\":\"fd00:100::1\",\"BackendType\":\"vxlan\","
                        + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:01\"},"
                        + "\"BackendV6Data\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:06:01\"}}");
        final KnownLeases known = new KnownLeases(
                DAEMON,
                "",
                NOW_MS,
                null,
                config(
                        "{\"EnableIPv6\":true,\"Network\":\"10.244.0.0/16\",\"IPv6Network\":\"fd00:10:244::/48\","
                                + "\"Backend\":{\"Type\":\"vxlan\"}}",
                        true),
                address(1),
                IpAddress.parse("fd00:100::1").toInetAddress(),
                PublicAddresses.NONE,
                own,
                List.of());
        assertTrue(file().write(known));
        assertEquals(known, file().read(NOW_MS));
    }

    /** By which packets from a node's host pass after a start without the registry, as before. */
    @Test
    void shouldReadTheAddressesThatANodeMaySendFromAgain() {
        final Lease one = new Lease(
                lease(2).key(),
                lease(2).attributes(),
                Set.of(
                        IpAddress.parse("203.0.113.2").toInetAddress(),
                        IpAddress.parse("2001:db8::2").toInetAddress()));
        final Lease another = new Lease(lease(3).key(), lease(3).attributes(), Set.of(address(33)));
        final KnownLeases known = new KnownLeases(
                DAEMON,
                "123",
                NOW_MS,
                null,
                config("{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}", true),
                address(1),
                null,
                PublicAddresses.NONE,
                lease(1),
                List.of(lease(1), one, another));
        assertTrue(file().write(known));
        assertEquals(known, file().read(NOW_MS));
    }

    @Test
    void shouldIgnoreWhateverIsNotItsOwnWork() throws IOException {
        assertTrue(file().write(known(NOW_MS)));
        final byte[] right = Files.readAllBytes(path());
        for (int length = 0; length < right.length; length++) {
            Files.write(path(), Arrays.copyOf(right, length));
            assertNull(file().read(NOW_MS), "cut after " + length);
        }
        for (int i = 0; i < right.length; i++) {
            final byte[] wrong = right.clone();
            wrong[i] ^= 1;
            Files.write(path(), wrong);
            assertNull(file().read(NOW_MS), "changed at " + i);
        }
        Files.write(path(), right);
        assertNotNull(file().read(NOW_MS));
        Files.delete(path());
        Files.createDirectory(directory.resolve("state").resolve(String.format("leases-%08x", DAEMON.hashCode())));
        assertNull(file().read(NOW_MS), "a directory");
        assertFalse(file().write(known(NOW_MS)));
    }

    @Test
    void shouldIgnoreTheFileOfAnotherDaemon() throws IOException {
        final KnownLeasesFile other = new KnownLeasesFile(directory.resolve("state"), DAEMON + "2", true);
        assertTrue(other.write(known(NOW_MS)));
        assertNull(file().read(NOW_MS), "it has a file of its own");
        Files.move(path(), directory.resolve("state").resolve(String.format("leases-%08x", (DAEMON + "3").hashCode())));
        assertNull(new KnownLeasesFile(directory.resolve("state"), DAEMON + "3", true).read(NOW_MS));
    }

    @Test
    void shouldIgnoreWhatIsOlderThanALeaseLives() {
        assertTrue(file().write(known(NOW_MS)));
        assertNotNull(file().read(NOW_MS + KnownLeasesFile.AGE_MAX_MS));
        assertNull(file().read(NOW_MS + KnownLeasesFile.AGE_MAX_MS + 1));
        assertNotNull(file().read(0), "a clock without a battery says nothing");
    }

    /** A lease is renewed shortly before its end alone, so a file that was confirmed just now may be of one that ends soon. */
    @Test
    void shouldIgnoreWhatIsOfALeaseThatHasEnded() {
        final KnownLeases known = known(NOW_MS, NOW_MS + 1_000);
        assertTrue(file().write(known));
        assertEquals(known, file().read(NOW_MS + 1_000));
        assertNull(file().read(NOW_MS + 1_001));
    }

    @Test
    void shouldHarmNothingWhenItCannotBeWritten() throws IOException {
        assertFalse(new KnownLeasesFile(Path.of("/proc/version/state"), DAEMON, true).write(known(NOW_MS)));
        final Path open = Files.createDirectory(directory.resolve("state"));
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
        assertFalse(file().write(known(NOW_MS)), "others could replace it");
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxr-xr-x"));
        assertTrue(file().write(known(NOW_MS)));
    }

    @Test
    void shouldIgnoreWhatAnotherUserMayHaveWritten() throws IOException {
        assertTrue(file().write(known(NOW_MS)));
        Files.setPosixFilePermissions(path(), PosixFilePermissions.fromString("rw-rw----"));
        assertNull(file().read(NOW_MS), "others can write it");
        Files.setPosixFilePermissions(path(), PosixFilePermissions.fromString("rw-------"));
        assertNotNull(file().read(NOW_MS));
        Files.setPosixFilePermissions(directory.resolve("state"), PosixFilePermissions.fromString("rwxrwxrwx"));
        assertNull(file().read(NOW_MS), "others could replace it");
    }

    @Test
    void shouldDeleteAllThatDaemonsLeftAndNothingElse() throws IOException {
        assertTrue(file().write(known(NOW_MS)));
        final Path state = directory.resolve("state");
        Files.createFile(state.resolve(".leases-00c0ffee.new")); // of a daemon that was killed while it wrote
        Files.createFile(state.resolve("another"));
        KnownLeasesFile.deleteAll(state);
        assertEquals(state.resolve("another"), path());
    }

    private static NodeRequest request(
            final int node,
            final @Nullable MacAddress takenOver,
            final @Nullable LeaseKey previous,
            final @Nullable Lease former) {
        return NodeRequests.of("192.168.100." + node, takenOver, previous, former);
    }

    @Test
    void shouldFitThisNodeAsItWasAlone() {
        final KnownLeases known = known(NOW_MS);
        assertNull(known.misfit(request(1, null, null, null)));
        assertNull(known.misfit(request(1, null, lease(1).key(), lease(1))));
        assertNotNull(known.misfit(request(2, null, null, null)));
        assertNotNull(known.misfit(request(1, MacAddress.parse("02:00:00:00:00:01"), null, null)));
        assertNotNull(known.misfit(request(1, null, lease(2).key(), null)));
        assertNotNull(known.misfit(request(1, null, null, lease(2))));
        assertEquals(
                Objects.requireNonNull(lease(1).attributes().vtep()).mac(),
                known.insist(request(1, null, null, null)).takenOverMac());
    }
}
