/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.routing.RoutingTables;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.net.InetAddress;
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

    /** Where a device's are. */
    static Path of(final Path runDirectory, final String device) {
        return runDirectory.resolve(device + SUFFIX);
    }

    /** Replaces a device's file. The tables' own thread. */
    static void write(final Path runDirectory, final String device, final RoutingTables tables) throws IOException {
        try {
            RecordFile.replace(of(runDirectory, device), out -> write(out, device, tables));
        } catch (final UncheckedIOException failure) {
            throw failure.getCause();
        }
    }

    private static void write(final Writer out, final String device, final RoutingTables tables) {
        final Line line = new Line(out);
        tables.eachRoute((prefix, gateway) -> {
            prefix.appendTo(line.begin(Kind.ROUTE));
            gateway.appendTo(line.text.append(" via "));
            line.text.append(" dev ").append(device);
            line.end(" onlink");
        });
        tables.eachNeighbour((address, mac) -> {
            address.appendTo(line.begin(Kind.NEIGHBOUR));
            mac.appendTo(line.text.append(" dev ").append(device).append(" lladdr "));
            line.end(" PERMANENT");
        });
        tables.eachFdb((mac, underlay, port, vni) -> {
            mac.appendTo(line.begin(Kind.FDB));
            underlay.appendTo(line.text.append(" dev ").append(device).append(" dst "));
            if (RoutingTables.DEFAULT_PORT != port) {
                line.text.append(" port ").append(port);
            }
            if (RoutingTables.DEFAULT_VNI != vni) {
                line.text.append(" vni ").append(vni);
            }
            line.end(" self permanent");
        });
    }

    /** One line after the other in the same place: of thousands of leases much would be left to collect. */
    private static final class Line {
        private static final int LENGTH = 256;

        private final Writer out;
        private final StringBuilder text = new StringBuilder(LENGTH);
        private char[] characters = new char[LENGTH];

        Line(final Writer out) {
            this.out = out;
        }

        StringBuilder begin(final Kind kind) {
            text.setLength(0);
            return text.append(kind.word());
        }

        void end(final String lastWord) {
            text.append(lastWord).append('\n');
            if (text.length() > characters.length) {
                characters = new char[2 * text.length()];
            }
            text.getChars(0, text.length(), characters, 0);
            try {
                out.write(characters, 0, text.length());
            } catch (final IOException failure) {
                throw new UncheckedIOException(failure);
            }
        }
    }

    /**
     * Puts the entries of a device into tables that are empty, and publishes them: for lookups as the device's own would give.
     *
     * @throws IOException if there is no such file, or it cannot be read.
     */
    static void load(final Path directory, final String device, final RoutingTables tables) throws IOException {
        for (final String line : read(directory, device, Kind.ROUTE)) {
            tables.addRoute(IpPrefix.parse(word(line, 0)), address(value(line, "via", "")));
        }
        for (final String line : read(directory, device, Kind.NEIGHBOUR)) {
            tables.addNeighbour(address(word(line, 0)), MacAddress.parse(value(line, "lladdr", "")));
        }
        for (final String line : read(directory, device, Kind.FDB)) {
            tables.addFdb(
                    MacAddress.parse(word(line, 0)),
                    address(value(line, "dst", "")),
                    Integer.parseInt(value(line, "port", String.valueOf(RoutingTables.DEFAULT_PORT))),
                    Integer.parseInt(value(line, "vni", String.valueOf(RoutingTables.DEFAULT_VNI))));
        }
        tables.publish();
    }

    private static InetAddress address(final String text) {
        return IpAddress.parse(text).toInetAddress();
    }

    private static String word(final String line, final int index) {
        return line.split(" ", -1)[index];
    }

    /** The word behind a key. */
    private static String value(final String line, final String key, final String otherwise) {
        final List<String> words = List.of(line.split(" ", -1));
        final int at = words.indexOf(key);
        return at < 0 || at + 1 == words.size() ? otherwise : words.get(at + 1);
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
