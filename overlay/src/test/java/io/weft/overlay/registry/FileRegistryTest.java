/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FileRegistryTest {
    private static final String CONFIG = "{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":1}}";
    private static final InetAddress OWN = IpAddress.parse("192.168.100.1").toInetAddress();

    @TempDir
    private Path directory = Path.of(".");

    private Path file = Path.of("leases.json");
    private FileRegistry registry = new FileRegistry(file);
    private final BlockingQueue<String> heard = new LinkedBlockingQueue<>();

    @BeforeEach
    void setUp() {
        file = directory.resolve("leases.json");
        registry = new FileRegistry(file);
    }

    @AfterEach
    void tearDown() {
        registry.close();
    }

    private static String lease(final int node) {
        return lease("10.244." + node + ".0-24", "192.168.100." + node, "02:00:00:00:00:0" + node);
    }

    private static String lease(final String key, final String publicIp, final String mac) {
        return "\"" + key + "\":{\"PublicIP\":\"" + publicIp
                + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + mac + "\"}}";
    }

    private static String document(final String... leases) {
        return "{\"config\":" + CONFIG + ",\n\"leases\":{\n" + String.join(",\n", leases) + "}}";
    }

    /** As the documentation tells to change it: a new file renamed to the old name. */
    private void replace(final String text) throws IOException {
        final Path fresh = Files.writeString(directory.resolve("fresh"), text);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    }

    private static NodeRequest request(final InetAddress... addresses) {
        return new NodeRequest(
                null,
                null,
                Set.of(addresses),
                new BackendConfig(BackendType.VXLAN, 1, 8472, 0, false, false),
                null,
                null,
                null,
                null);
    }

    private void follow(final String text) throws IOException {
        replace(text);
        registry.config();
        registry.acquire(request(OWN));
        registry.watch(new Recorder());
        assertNotNull(heard.poll(), "the first snapshot comes before watch() returns");
    }

    private @Nullable String next() throws InterruptedException {
        return heard.poll(Await.TIMEOUT_MS, TimeUnit.MILLISECONDS);
    }

    /** Follows a file and prints the subnets that it hears of. */
    static final class FollowerMain {
        private FollowerMain() {}

        public static void main(final String[] arguments) throws IOException {
            final FileRegistry registry = new FileRegistry(Path.of(arguments[0]));
            registry.config();
            registry.acquire(request(OWN));
            registry.watch(new LeaseListener() {
                @Override
                public void onSnapshot(final List<Lease> leases) {
                    leases.forEach(this::onPut);
                }

                @Override
                public void onPut(final Lease lease) {
                    System.out.println(lease.key());
                }

                @Override
                public void onRemove(final LeaseKey key) {}

                @Override
                public void onRestartNeeded(final String why) {
                    System.out.println(why);
                }
            });
            System.out.println(System.in.read());
        }
    }

    /** The limit is that of a user namespace, so this process has one of its own. */
    @Test
    @RequiresRoot
    void shouldFollowTheFileWhenTheHostHasNoWatchLeft() throws Exception {
        replace(document(lease(1)));
        final Process follower = new ProcessBuilder(
                        "unshare",
                        "--user",
                        "--map-root-user",
                        "sh",
                        "-c",
                        "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$@\"",
                        "sh",
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        FollowerMain.class.getName(),
                        file.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader output = follower.inputReader()) {
            assertEquals("10.244.1.0-24", output.readLine());
            replace(document(lease(1), lease(2)));
            assertEquals("10.244.2.0-24", output.readLine());
        } finally {
            follower.destroyForcibly().waitFor();
        }
    }

    @Test
    void shouldFindTheOwnLeaseByItsPublicIp() throws IOException {
        replace(document(lease(1), lease(2)));
        registry.config();
        assertEquals("10.244.1.0-24", registry.acquire(request(OWN)).key().toString());
    }

    @Test
    void shouldNameTheAddressesWhenNoLeaseIsTheNodes() throws IOException {
        replace(document(lease(2)));
        registry.config();
        final RegistryException failure = assertThrows(RegistryException.class, () -> registry.acquire(request(OWN)));
        assertTrue(String.valueOf(failure.getMessage()).contains("(192.168.100.1): add one"), failure::getMessage);
    }

    @Test
    void shouldSayThatThereIsNoFileWhenThereIsNone() {
        final RegistryException failure = assertThrows(RegistryException.class, registry::config);
        assertEquals("read registry file " + file + ": there is no such file", failure.getMessage());
    }

    @Test
    void shouldTellTheChangeWhenTheFileIsReplacedByRename() throws Exception {
        follow(document(lease(1)));
        replace(document(lease(1), lease(2)));
        assertEquals("put 10.244.2.0-24", next());
    }

    @Test
    void shouldTellWhatIsGoneBeforeWhatIsNew() throws Exception {
        follow(document(lease(1), lease(2), lease(3)));
        replace(document(
                lease("10.244.2.0-25", "192.168.100.2", "02:00:00:00:00:02"),
                lease(1),
                lease("10.244.3.0-24", "192.168.100.3", "02:00:00:00:00:33")));
        assertEquals("remove 10.244.2.0-24", next());
        assertEquals("put 10.244.2.0-25", next());
        assertEquals("put 10.244.3.0-24", next());
    }

    @Test
    void shouldTellTheChangeWhenTheFileIsWrittenInPlace() throws Exception {
        follow(document(lease(1)));
        Files.writeString(file, document(lease(1), lease(3)));
        assertEquals("put 10.244.3.0-24", next());
    }

    @Test
    void shouldTellTheChangeWhenTheWholeDirectoryIsReplaced() throws Exception {
        final Path parent = Files.createDirectory(directory.resolve("registry"));
        file = parent.resolve("leases.json");
        registry = new FileRegistry(file);
        follow(document(lease(1)));
        Files.move(parent, directory.resolve("old"));
        Files.createDirectory(parent);
        Files.writeString(file, document(lease(1), lease(4)));
        assertEquals("put 10.244.4.0-24", next());
    }

    /** As if somebody wrote to it without a pause: the second change comes when it has not been quiet since the first. */
    @Test
    void shouldTellTheChangeWhenTheFileIsNeverQuiet() throws Exception {
        registry = new FileRegistry(file, TimeUnit.HOURS.toNanos(1));
        follow(document(lease(1)));
        replace(document(lease(1), lease(2)));
        assertEquals("put 10.244.2.0-24", next());
        replace(document(lease(1), lease(2), lease(3)));
        assertEquals("put 10.244.3.0-24", next());
    }

    @Test
    void shouldKeepTheLeasesAndSayWhereWhenTheFileBreaks() throws Exception {
        follow(document(lease(1)));
        replace(document(lease(1)) + "}");
        replace(document(lease(1), lease("10.245.0.0-24", "192.168.100.9", "02:00:00:00:00:09")));
        assertTrouble(":4:17: leases.10.245.0.0-24 lies outside of config.Network 10.244.0.0/16");
        replace(document(lease(1), lease(2)));
        assertEquals("put 10.244.2.0-24", next(), "nothing was told of the broken ones");
        assertTrouble(null);
    }

    /** What would not end, or does not fit the heap, is not read. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "mkfifo | is no regular file",
                "mkdir | is no regular file",
                "ln -s /dev/zero | is no regular file",
                "truncate -s 1G | is longer than 8388608 bytes",
                "truncate -s 0 | is empty",
            })
    void shouldKeepTheLeasesAndSayWhyWhenTheFileCannotBeRead(final String command, final String cause)
            throws Exception {
        follow(document(lease(1), lease(2)));
        Files.delete(file);
        Command.run(Stream.concat(Arrays.stream(command.split(" ", -1)), Stream.of(file.toString()))
                .toList());
        Await.until(
                () -> cause + " in " + registry.status().trouble(),
                Await.TIMEOUT_MS,
                () -> String.valueOf(registry.status().trouble()).contains(cause));
        final FileRegistry late = new FileRegistry(file);
        final RegistryException failure = assertThrows(RegistryException.class, late::config);
        assertTrue(String.valueOf(failure.getMessage()).contains(cause), failure::getMessage);
        Command.run(List.of("rm", "-r", file.toString()));
        replace(document(lease(1), lease(2), lease(3)));
        assertEquals("put 10.244.3.0-24", next());
    }

    @Test
    void shouldKeepTheLeasesWhenTheOwnOneIsTakenOut() throws Exception {
        follow(document(lease(1)));
        replace(document(lease(2)));
        assertTrouble("no lease has a PublicIP of this node");
        assertTrue(heard.isEmpty());
    }

    @Test
    void shouldAskForARestartWhenTheOwnLeaseOrTheConfigChanges() throws Exception {
        follow(document(lease(1)));
        replace(document(lease("10.244.1.0-24", "192.168.100.1", "02:00:00:00:00:99")));
        assertEquals("restart", next());
        replace("{\"config\":{\"Network\":\"10.0.0.0/8\",\"Backend\":{\"Type\":\"vxlan\"}},\"leases\":{" + lease(1)
                + "}}");
        assertEquals("restart", next());
    }

    private void assertTrouble(final @Nullable String expected) {
        Await.until(() -> expected + " in trouble: " + registry.status().trouble(), Await.TIMEOUT_MS, () -> {
            final String trouble = registry.status().trouble();
            return null == expected ? null == trouble : null != trouble && trouble.contains(expected);
        });
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'10.244.1.0-24', '192.168.100.2', '02:00:00:00:00:02' | :4:1: key leases.10.244.1.0-24 comes twice",
                "'10.244.0.0-22', '192.168.100.2', '02:00:00:00:00:02' | :4:17: leases.10.244.0.0-22 overlaps lease 10.244.1.0-24",
                "'10.244.1.128-25', '192.168.100.2', '02:00:00:00:00:02' | overlaps lease 10.244.1.0-24",
                "'10.244.2.0-24', '192.168.100.1', '02:00:00:00:00:02' | has the PublicIP of lease 10.244.1.0-24",
                "'10.244.2.0-24', '192.168.100.2', '02:00:00:00:00:01' | has the VtepMAC of lease 10.244.1.0-24",
                "'10.244.2.7-24', '192.168.100.2', '02:00:00:00:00:02' | has host bits set",
                "'10.244.2.0/24', '192.168.100.2', '02:00:00:00:00:02' | is no subnet key",
                "'10.96.0.0-24', '192.168.100.2', '02:00:00:00:00:02' | lies outside of config.Network 10.244.0.0/16",
                "'10.244.2.0-24', '192.168.100.2', '02:00:00:00:00' | VtepMAC",
            })
    void shouldNameTheLeaseWhenItDoesNotFit(final String lease, final String cause) throws IOException {
        final String[] parts = lease.replace("'", "").split(", ", -1);
        replace(document(lease(1), lease(parts[0], parts[1], parts[2])));
        assertRefused(cause);
    }

    @Test
    void shouldNameTheKeyWhenItComesTwice() throws IOException {
        replace("{\"config\":{\"Network\":\"10.244.0.0/16\",\"Network\":\"10.244.0.0/16\"},\"leases\":{}}");
        assertRefused(":1:38: key config.Network comes twice");
    }

    @Test
    void shouldNameTheKeyWhenItIsUnknown() throws IOException {
        replace("{\"config\":" + CONFIG + ",\"leases\":{},\"lease\":{}}");
        assertRefused(":1:94: lease is an unknown key, known here: config, leases");
    }

    @Test
    void shouldNameTheTypeWhenALeaseHasAnotherBackend() throws IOException {
        replace(document(lease(1).replace("\"vxlan\"", "\"wireguard\"")));
        assertRefused("BackendType has BackendType \"wireguard\", the network's backend is \"vxlan\"");
    }

    private void assertRefused(final String cause) {
        final RegistryException failure = assertThrows(RegistryException.class, registry::config);
        assertTrue(String.valueOf(failure.getMessage()).contains(cause), failure::getMessage);
    }

    private final class Recorder implements LeaseListener {
        @Override
        public void onSnapshot(final List<Lease> leases) {
            heard.add("snapshot " + leases.stream().map(Lease::key).toList());
        }

        @Override
        public void onPut(final Lease lease) {
            heard.add("put " + lease.key());
        }

        @Override
        public void onRemove(final LeaseKey key) {
            heard.add("remove " + key);
        }

        @Override
        public void onRestartNeeded(final String why) {
            heard.add("restart");
        }
    }
}
