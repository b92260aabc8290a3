/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file that is read again: what is told of it, what is kept, and that a broken one changes nothing. */
class RegistryFileTest {
    private static final String CONFIG = "{\"Network\":\"10.0.0.0/8\",\"Backend\":{\"Type\":\"vxlan\"}}";

    private final RegistryFile file = read(text(lease(1), lease(2), lease(3)));

    private static String lease(final int number) {
        return lease(number, number, number);
    }

    private static String lease(final int subnet, final int address, final int mac) {
        return String.format(
                "\"10.1.%d.0-24\":{\"PublicIP\":\"192.168.100.%d\",\"BackendType\":\"vxlan\","
                        + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:%02d\"}}",
                subnet, address, mac);
    }

    private static String text(final String... leases) {
        return "{\"config\":" + CONFIG + ",\n\"leases\":{\n" + String.join(",\n", leases) + "}}";
    }

    private static RegistryFile read(final String text) {
        final byte[] bytes = text.getBytes(UTF_8);
        final RegistryFile read = RegistryFile.read(bytes, bytes.length, "file");
        Arrays.fill(bytes, (byte) '!'); // as where the memory is read to again
        return read;
    }

    private RegistryFile.Change reread(final String... leases) {
        final byte[] bytes = (text(leases) + "more").getBytes(UTF_8);
        final RegistryFile.Change change = file.reread(bytes, bytes.length - 4, "file");
        Arrays.fill(bytes, (byte) '!');
        assertNotNull(change);
        return change;
    }

    private RegistryFile.Change accept(final String... leases) {
        final RegistryFile.Change change = reread(leases);
        file.accept(change);
        return change;
    }

    private static List<String> keys(final List<Lease> leases) {
        return leases.stream().map(lease -> lease.key().toString()).toList();
    }

    private static LeaseKey key(final int number) {
        return LeaseKey.parse("10.1." + number + ".0-24");
    }

    private Map<LeaseKey, Lease> leases() {
        return file.leases().collect(Collectors.toMap(Lease::key, Function.identity()));
    }

    private void assertRefused(final String cause, final String... leases) {
        final Map<LeaseKey, Lease> before = leases();
        final JsonException refused = assertThrows(JsonException.class, () -> accept(leases));
        assertTrue(String.valueOf(refused.getMessage()).contains(cause), refused::getMessage);
        assertKept(before);
        accept(lease(1), lease(2), lease(3));
        assertKept(before);
    }

    private void assertKept(final Map<LeaseKey, Lease> before) {
        final Map<LeaseKey, Lease> now = leases();
        assertEquals(before, now);
        before.forEach((key, lease) -> assertSame(lease, now.get(key)));
    }

    @Test
    void shouldKeepWhatHasNotChanged() {
        final Map<LeaseKey, Lease> before = leases();
        final RegistryFile.Change change = accept(lease(1), lease(2, 22, 2), lease(3), lease(4));
        assertEquals(List.of(key(2) + "", key(4) + ""), keys(change.changed()));
        assertEquals(List.of(), change.gone());
        assertEquals(4, file.size());
        assertSame(before.get(key(1)), leases().get(key(1)));
        assertSame(before.get(key(3)), leases().get(key(3)));
        assertTrue(String.valueOf(leases().get(key(2))).contains("192.168.100.22"));
    }

    @Test
    void shouldTellWhatIsGone() {
        final RegistryFile.Change change = accept(lease(1), lease(3));
        assertEquals(List.of(), change.changed());
        assertEquals(List.of(key(2)), change.gone());
        assertEquals(2, file.size());
        accept(lease(1), lease(3), lease(2, 2, 4), lease(5, 5, 2));
        assertEquals(4, file.size(), "its MAC is free");
    }

    @Test
    void shouldTellNothingOfAnotherOrderOrOtherSpaces() {
        final Map<LeaseKey, Lease> before = leases();
        final RegistryFile.Change change = accept(lease(3), lease(1).replace(",", " , "), lease(2));
        assertEquals(List.of(), change.changed());
        assertEquals(List.of(), change.gone());
        assertEquals(before, leases());
    }

    @Test
    void shouldTakeLeasesThatExchangeAddressesAndMacs() {
        final RegistryFile.Change change = accept(lease(1, 2, 3), lease(2, 3, 1), lease(3, 1, 2));
        assertEquals(3, change.changed().size());
        accept(lease(1), lease(2), lease(3));
    }

    @Test
    void shouldTakeOneLeaseInThePlaceOfTwo() {
        accept(lease(1), lease(2).replace("10.1.2.0-24", "10.1.2.0-23"));
        assertEquals(2, file.size());
        assertRefusedBeside("overlaps lease 10.1.2.0-23", lease(1), lease(2).replace("2.0-24", "2.0-23"), lease(3));
    }

    private void assertRefusedBeside(final String cause, final String... leases) {
        final JsonException refused = assertThrows(JsonException.class, () -> accept(leases));
        assertTrue(String.valueOf(refused.getMessage()).contains(cause), refused::getMessage);
    }

    @Test
    void shouldChangeNothingWhereLeasesDoNotFitTogether() {
        assertRefused(
                "file:5:15: leases.10.1.4.0-24 has the PublicIP of lease 10.1.2.0-24",
                lease(1),
                lease(2),
                lease(4, 2, 4));
        assertRefused("has the VtepMAC of lease 10.1.3.0-24", lease(3), lease(2, 9, 3));
        assertRefused("overlaps lease 10.1.1.0-24", lease(1), lease(7, 7, 7).replace("10.1.7.0-24", "10.1.0.0-16"));
        assertRefused("file:5:1: key leases.10.1.1.0-24 comes twice", lease(1), lease(2), lease(1));
        assertRefused("key leases.10.1.9.0-24 comes twice", lease(9), lease(9));
        assertRefused("lies outside of config.Network", lease(2), lease(1).replace("10.1.1", "11.1.1"));
        assertRefused("is no subnet key", lease(2, 8, 8), lease(1).replace("10.1.1.0-24", "10.1.1.0"));
    }

    @Test
    void shouldSayThatTheConfigurationIsAnother() {
        final byte[] bytes = text(lease(1)).replace("10.0.0.0/8", "10.0.0.0/9").getBytes(UTF_8);
        assertNull(file.reread(bytes, bytes.length, "file"));
        assertEquals(3, file.size());
    }

    /** As long as a lease stays, so does its object: nothing of five thousand is left to be collected. */
    @Test
    void shouldKeepThousandsOfWhichOneChanges() {
        final String[] leases = IntStream.range(0, 5000)
                .mapToObj(i -> lease(1).replace("10.1.1", "10." + (i >> 8) + "." + (i & 255))
                        .replace("192.168.100.1", "192.168." + (i >> 8) + "." + (i & 255))
                        .replace("00:00:01", String.format("%02x:%02x:01", i >> 8, i & 255)))
                .toArray(String[]::new);
        accept(leases);
        final Map<LeaseKey, Lease> before = leases();
        leases[4321] = leases[4321].replace("192.168", "172.16");
        final RegistryFile.Change change = accept(leases);
        assertEquals(1, change.changed().size());
        final Map<LeaseKey, Lease> now = leases();
        assertEquals(5000, now.size());
        before.values().stream()
                .filter(lease -> !lease.key().equals(change.changed().get(0).key()))
                .forEach(lease -> assertSame(lease, now.get(lease.key())));
    }

    @Test
    void shouldReadAFileAgainIntoTheMemoryThatItHas(@TempDir final Path directory) throws IOException {
        final Path path = directory.resolve("file");
        final RereadFile reread = new RereadFile(path, 20_000);
        assertThrows(IOException.class, reread::read);
        for (final int length : new int[] {10_000, 5, 20_000, 0, 8192}) {
            Files.writeString(path, "x".repeat(length));
            assertTrue(reread.read());
            assertTrue(!reread.read(), "the same again");
            assertEquals("x".repeat(length), new String(reread.text(), 0, reread.length(), UTF_8));
        }
        Files.writeString(path, "x".repeat(20_001));
        final IOException refused = assertThrows(IOException.class, reread::read);
        assertEquals("is longer than 20000 bytes", refused.getMessage());
        assertEquals(8192, reread.length(), "as it was");
        final byte[] one = reread.text();
        Files.writeString(path, "one");
        reread.read();
        Files.writeString(path, "two");
        reread.read();
        assertSame(one, reread.text(), "two memories take turns");
    }
}
