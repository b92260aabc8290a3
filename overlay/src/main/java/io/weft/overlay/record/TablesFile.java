/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import io.weft.routing.RoutingTables;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The tables that a device's data threads use, on record: a line for each entry, with the word that tells its kind in front and then
 * in the grammar of {@code ip route}, {@code ip neigh} and {@code bridge fdb}.
 *
 * <pre>
 *   route 10.244.1.0/24 via 10.244.1.0 dev weft.1 onlink
 *   neigh 10.244.1.0 dev weft.1 lladdr 02:00:00:00:00:02 PERMANENT
 *   fdb 02:00:00:00:00:02 dev weft.1 dst 192.168.100.2 self permanent
 * </pre>
 */
public final class TablesFile {
    /** After the device's name. */
    static final String SUFFIX = ".tables";

    private TablesFile() {}

    /** Replaces a device's file. The tables' own thread. */
    static void write(final Path runDirectory, final String device, final RoutingTables tables) throws IOException {
        try {
            RecordFile.replace(runDirectory.resolve(device + SUFFIX), out -> write(out, device, tables));
        } catch (final UncheckedIOException failure) {
            throw failure.getCause();
        }
    }

    private static void write(final Writer out, final String device, final RoutingTables tables) {
        tables.eachRoute((prefix, gateway) ->
                line(out, Kind.ROUTE.word() + prefix + " via " + gateway + " dev " + device + " onlink"));
        tables.eachNeighbour((address, mac) ->
                line(out, Kind.NEIGHBOUR.word() + address + " dev " + device + " lladdr " + mac + " PERMANENT"));
        tables.eachFdb((mac, underlay, port, vni) -> line(
                out,
                Kind.FDB.word() + mac + " dev " + device + " dst " + underlay
                        + (RoutingTables.DEFAULT_PORT == port ? "" : " port " + port)
                        + (RoutingTables.DEFAULT_VNI == vni ? "" : " vni " + vni)
                        + " self permanent"));
    }

    private static void line(final Writer out, final String line) {
        try {
            out.write(line);
            out.write('\n');
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /** Which table an entry is of. */
    public enum Kind {
        ROUTE("route "),
        NEIGHBOUR("neigh "),
        FDB("fdb ");

        private final String word;

        Kind(final String word) {
            this.word = word;
        }

        String word() {
            return word;
        }
    }

    /**
     * The entries of one kind, as they were last put on record.
     *
     * @throws IOException if there is no such file, or it cannot be read.
     */
    static List<String> read(final Path directory, final String device, final Kind kind) throws IOException {
        try (Stream<String> lines = Files.lines(directory.resolve(device + SUFFIX))) {
            return lines.filter(line -> line.startsWith(kind.word()))
                    .map(line -> line.substring(kind.word().length()))
                    .toList();
        }
    }
}
