/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.PeerPath;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PublicAddressesTest {
    @TempDir
    private Path directory = Path.of(".");

    /** @param peers underlay addresses of nodes with the subnets 10.244.1.0/24, 10.244.2.0/24 and so on. */
    private PublicAddresses addresses(final String... peers) throws IOException {
        return addressesWith("", peers);
    }

    private PublicAddresses addressesWith(final String members, final String... peers) throws IOException {
        Files.writeString(
                directory.resolve("weft.1.status"),
                "{\"pid\":1,\"startTicks\":1,\"pidNamespace\":1,\"networkNamespace\":1,\"ended\":false,"
                        + "\"underlayAddresses\":[\"192.168.100.1\",\"fd00:100::1\"],"
                        + "\"devices\":[{\"name\":\"weft.1\",\"counters\":\"none\"}]" + members + "}");
        final StringBuilder tables = new StringBuilder();
        for (int i = 1; i <= peers.length; i++) {
            tables.append(String.format(
                    "route 10.244.%d.0/24 via 10.244.%d.0 dev weft.1 onlink%n"
                            + "neigh 10.244.%d.0 dev weft.1 lladdr 02:00:00:00:00:%02d PERMANENT%n"
                            + "fdb 02:00:00:00:00:%02d dev weft.1 dst %s self permanent%n",
                    i, i, i, i, i, peers[i - 1]));
        }
        Files.writeString(directory.resolve("weft.1.tables"), tables);
        return new PublicAddresses(DaemonRecord.readAll(directory, 0).get(0));
    }

    @Test
    void shouldFindNothingWrongWithAddressesThatDiffer() throws IOException {
        assertEquals(
                "", addresses("192.168.100.2", "192.168.100.3", "fd00:100::2").troubles());
    }

    @Test
    void shouldNameTheLeasesThatHaveOneAddress() throws IOException {
        final PublicAddresses addresses = addresses("192.168.100.2", "192.168.100.3", "192.168.100.2");
        final String trouble =
                "the leases of 10.244.1.0/24 and 10.244.3.0/24 have one public address, 192.168.100.2: two nodes"
                        + " have it, then give each its own (--public-ip); or one node has two leases, then delete the one that it"
                        + " does not use";
        assertEquals(trouble, addresses.troubles());
        assertEquals(trouble, addresses.trouble(IpAddress.parse("192.168.100.2")));
        assertEquals("", addresses.trouble(IpAddress.parse("192.168.100.3")));
    }

    @Test
    void shouldNotTakeOneVtepMacForOneAddress() throws IOException {
        final String contested = ",\"contested\":{\"10.244.1.0-24\":\"has VtepMAC\"}";
        assertEquals(
                "",
                addressesWith(contested, "192.168.100.2", "192.168.100.3", "192.168.100.2")
                        .troubles());
    }

    @Test
    void shouldSayHowManyItLeavesOut() throws IOException {
        final String all = addresses(
                        "192.168.100.5",
                        "192.168.100.4",
                        "192.168.100.3",
                        "192.168.100.2",
                        "192.168.100.2",
                        "192.168.100.3",
                        "192.168.100.4",
                        "192.168.100.5")
                .troubles();
        assertTrue(all.startsWith("the leases of 10.244.4.0/24 and 10.244.5.0/24 have one public address"), all);
        assertTrue(all.endsWith("; and 1 more") && !all.contains("192.168.100.5"), all);
    }

    @Test
    void shouldNameTheLeaseThatHasThisNodesAddress() throws IOException {
        final PublicAddresses addresses = addresses("192.168.100.1");
        assertEquals(
                "the lease of 10.244.1.0/24 has this node's own public address 192.168.100.1: two nodes have one address;"
                        + " give each its own (--public-ip), and restart both",
                addresses.troubles());
        assertTrue(addresses.isOwn(IpAddress.parse("fd00:100::1")));
    }

    @Test
    void shouldFindNothingWhereThereAreNoTablesYet() throws IOException {
        addresses();
        Files.delete(directory.resolve("weft.1.tables"));
        assertEquals("", new PublicAddresses(DaemonRecord.readAll(directory, 0).get(0)).troubles());
    }

    /** By the names that they have for IPv6. */
    @Test
    void shouldNameTheOptionOfTheAddressesFamily() throws IOException {
        assertTrue(
                addresses("fd00:100::2", "fd00:100::2").troubles().contains("give each its own (--public-ipv6); or "));
        assertTrue(addresses("fd00:100::1").troubles().contains("give each its own (--public-ipv6), and restart both"));
        final String wrong = PublicAddresses.wrong(
                new PeerPath("weft-v6.1", IpAddress.parse("fd00:100::77"), IpPrefix.parse("fd00:10:244:1::/64")),
                IpAddress.parse("fd00:100::2"));
        assertTrue(wrong.contains(": its PublicIPv6 is wrong (--public-ipv6 there); or "), wrong);
    }
}
