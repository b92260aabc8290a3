/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.CountersFile;
import io.weft.linux.testing.Command;
import io.weft.overlay.options.Version;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.RandomAccessFile;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.agrona.concurrent.status.CountersReader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** What weft makes of its command line, and of files that are not what they should be. */
class WeftCommandTest {
    private static final int HEADER_LENGTH = 128;
    private static final int COUNTERS = 8;
    private static final int PEERS_OFFSET =
            HEADER_LENGTH + COUNTERS * (CountersReader.METADATA_LENGTH + CountersReader.COUNTER_LENGTH);

    @TempDir
    private Path directory = Path.of(".");

    private final StringWriter errors = new StringWriter();
    private final StringWriter output = new StringWriter();

    private int execute(final String... arguments) {
        final CommandLine line = WeftCommand.commandLine();
        line.setErr(new PrintWriter(errors, true));
        line.setOut(new PrintWriter(output, true));
        return line.execute(arguments);
    }

    private void assertRefuses(final int exitCode, final String message, final String... arguments) {
        assertEquals(exitCode, execute(arguments), errors::toString);
        assertTrue(errors.toString().contains(message), errors::toString);
        assertFalse(errors.toString().contains("\tat "), errors::toString);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            quoteCharacter = '`',
            value = {
                "2 ~ counterz ~ Unmatched argument at index 0: 'counterz'",
                "2 ~ counters --al ~ Unknown option: '--al'",
                "2 ~ counters --output=xml ~ Invalid value for option '--output': expected one of [text, json]",
                "2 ~ counters --device= ~ --device=: must not be empty",
                "2 ~ report -w= ~ --write=: must not be empty",
                "2 ~ --from= status ~ --from=: must not be empty",
                "2 ~ @/etc/hostname ~ Unmatched argument at index 0: '@/etc/hostname'",
                "2 ~ counters --device=../weft.1 ~ --device=../weft.1: must be the name of a device",
                "1 ~ counters --device=weft.9 ~ weft.9.counters cannot be read: name the daemon's --device",
                "1 ~ counters --counters-file=/nowhere ~ /nowhere cannot be read: name the daemon's --device",
                "1 ~ counters --counters-file=/ ~ / cannot be read: name the daemon's --device",
                "2 ~ show ~ Missing required parameter: 'ports|routes|neighbours|fdb|peers|drops|agents'",
                "2 ~ show neighbors ~ Invalid value for positional parameter at index 0",
                "2 ~ show ports --device=a/b ~ --device=a/b: must be the name of a device",
                "1 ~ show ports --run-dir=/nowhere ~ no weftd has left anything in /nowhere",
                "1 ~ show ports --from=/nowhere ~ /nowhere is not there: name an archive that weft report wrote",
                "2 ~ clear -o xml ~ Invalid value for option '--output': expected one of [text, json]",
                "1 ~ clear --run-dir=/nowhere ~ no weftd has left anything in /nowhere",
                "2 ~ clear all ~ Unmatched argument at index 1: 'all'",
                "2 ~ report --from=/nowhere ~ Unknown option: '--from=/nowhere'",
                "1 ~ report --run-dir=/nowhere ~ no weftd has left anything in /nowhere",
                "2 ~ report all ~ Unmatched argument at index 1: 'all'",
                "2 ~ report -o xml ~ Invalid value for option '--output': expected one of [text, json]",
                "1 ~ report --run-dir=/nowhere -o json ~ no weftd has left anything in /nowhere",
                "2 ~ ping ~ Missing required parameter: 'ADDRESS|SUBNET|NODE|all'",
                "2 ~ `ping ` ~ the address is empty: it must be an address, a subnet, a node's name",
                "1 ~ ping all --run-dir=/etc/hostname ~ --run-dir=/etc/hostname is no directory: name that of weftd",
                "1 ~ status --run-dir=/etc/hostname ~ --run-dir=/etc/hostname is no directory: name that of weftd",
                "1 ~ counters --run-dir=/etc/hostname ~ --run-dir=/etc/hostname is no directory: name that of weftd",
                "1 ~ explain 10.0.0.1 --run-dir=/etc/hostname ~ --run-dir=/etc/hostname is no directory: name that of weftd",
                "2 ~ ping 10.244.1.2 10.244.2.2 ~ Unmatched argument at index 2: '10.244.2.2'",
                "2 ~ ping 10.244.1.1/24 ~ 10.244.1.1/24: must be an address, a subnet, a node's name",
                "2 ~ ping 10.244.1.300 ~ 10.244.1.300: must be an address, a subnet, a node's name",
                "2 ~ ping -o ~ Missing required parameter for option '--output' (text|json)",
                "1 ~ ping all --run-dir=/nowhere ~ no weftd has left anything in /nowhere",
                "2 ~ top 5 ~ Unmatched argument at index 1: '5'",
                "2 ~ top --interval=0 ~ --interval=0: must be a whole number from 1 to 3600",
                "2 ~ top --count=0 ~ --count=0: must be ",
                "2 ~ top --peers=-1 ~ --peers=-1: must be ",
                "2 ~ install-cni ~ is started by the script bin/weft, not by Java",
                "2 ~ status now ~ Unmatched argument at index 1: 'now'",
                "1 ~ --run-dir=/nowhere show ports ~ no weftd has left anything in /nowhere",
                "2 ~ --run-dir=/nowhere --device show ports ~ Expected parameter for option '--device' but found 'show'",
                "1 ~ -o json --run-dir=/nowhere ping all ~ no weftd has left anything in /nowhere",
                "2 ~ --from=/nowhere ping all ~ Unknown option: '--from=/nowhere'",
                "2 ~ --run-dir=/nowhere show ports --run-dir=/other ~ option '--run-dir' (DIR) should be specified only once",
                "2 ~ explain ~ Missing required parameter: 'ADDRESS'",
                "2 ~ explain 10.0.0.1 10.0.0.2 ~ Unmatched argument at index 2: '10.0.0.2'",
                "2 ~ explain pod ~ 'pod' is not an IP address",
                "2 ~ explain 10.244.1.2 --from=pod ~ 'pod' is not an IP address",
                "2 ~ explain 10.244.1.2 --from=fd00::1 ~ --from=fd00::1: must be of the same IP version as 10.244.1.2",
                "2 ~ explain 10.244.1.0/24 ~ '10.244.1.0/24' is not an IP address",
                "2 ~ explain --device=a/b 10.0.0.1 ~ --device=a/b: must be the name of a device",
                "1 ~ explain --run-dir=/nowhere 10.0.0.1 ~ no daemon answers at /nowhere/weft.1.sock",
                "2 ~ capture ~ Missing required option: '--write=FILE|-'",
                "2 ~ capture all drop -w - ~ Unmatched argument at index 2: 'drop'",
                "2 ~ capture dropped -w - ~ Invalid value for positional parameter at index 0",
                "2 ~ capture -w - --view=both ~ Invalid value for option '--view': expected one of [inner, outer]",
                "2 ~ capture -w - --proto=tpc ~ --proto=tpc: tcp, udp, icmp, icmpv6, sctp or a number up to 255",
                "2 ~ capture -w - --proto=256 ~ --proto=256: tcp, udp, icmp, icmpv6, sctp or a number up to 255",
                "2 ~ capture -w - --port=0 ~ --port=0: is not in 1..65535",
                "2 ~ capture -w - --from=pod ~ --from: 'pod' is not an IP address",
                "2 ~ capture -w - --to=10.244.1.1/24 ~ --to: 10.244.1.1/24 has host bits set",
                "2 ~ capture -w - -o xml ~ Invalid value for option '--output': expected one of [text, json]",
                "2 ~ capture -w - -n 0 ~ --count=0: has to be 1 or more",
                "2 ~ capture -w - --duration=0 ~ --duration=0: has to be 1 or more",
                "2 ~ capture -w - -s 0 ~ --snapshot-length=0: is not in 1..131072",
                "2 ~ capture -w - --device=a/b ~ --device=a/b: must be the name of a device",
                "1 ~ capture -w - --run-dir=/nowhere ~ no daemon answers at /nowhere/weft.1.sock",
                "2 ~ trace egress ~ Unmatched argument at index 1: 'egress'",
                "2 ~ trace -n 0 ~ --count=0: has to be 1 or more",
                "2 ~ trace --port=65536 ~ --port=65536: is not in 1..65535",
                "2 ~ trace -o xml ~ Invalid value for option '--output': expected one of [text, json]",
                "1 ~ trace --run-dir=/nowhere ~ no daemon answers at /nowhere/weft.1.sock",
            })
    void shouldNameWhatIsWrong(final int exitCode, final String line, final String message) {
        assertRefuses(exitCode, message, line.split(" ", -1));
        assertEquals("", output.toString(), "what is wrong is told on standard error");
        assertEquals(2 == exitCode, errors.toString().contains("Usage: weft "), errors::toString);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--version", "status --version", "--version status", "explain --version"})
    void shouldTellTheVersionWhereverItIsAskedFor(final String line) {
        assertEquals(0, execute(line.split(" ", -1)));
        assertTrue(output.toString().startsWith("weft " + Version.text()), output::toString);
    }

    /** A reader that has gone wants no more; whatever else is not taken is lost. */
    @Test
    void shouldTellThatWhatItPrintsIsLost() throws IOException {
        try (FileOutputStream full = new FileOutputStream("/dev/full")) {
            final StandardOutput lost = new StandardOutput(full);
            lost.writer().println("a line");
            assertEquals(1, lost.conclude(0, new PrintWriter(errors, true)));
            assertEquals("weft: write standard output: No space left on device\n", errors.toString());
        }
        final Path fifo = directory.resolve("fifo");
        Command.run(List.of("mkfifo", fifo.toString()));
        final RandomAccessFile reader = new RandomAccessFile(fifo.toFile(), "rw");
        try (FileOutputStream pipe = new FileOutputStream(fifo.toFile())) {
            reader.close();
            final StandardOutput unread = new StandardOutput(pipe);
            unread.writer().println("a line");
            assertEquals(3, unread.conclude(3, new PrintWriter(errors, true)));
        }
    }

    @Test
    void shouldNotReadWhatIsLongerThanAnyRecord() throws IOException {
        final Path archive = directory.resolve("archive.zip");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(archive))) {
            zip.putNextEntry(new ZipEntry("weft.1.status"));
            final byte[] zeros = new byte[1 << 20];
            for (int i = 0; i < 17; i++) {
                zip.write(zeros);
            }
        }
        assertRefuses(1, "weft.1.status is longer than a record", "status", "--from=" + archive);
    }

    /** The tests of the commands compare with these; what install-cni prints is held by its own module. */
    @Test
    void shouldBeHeldAsTextAndJsonWhicheverTheCommand() {
        final List<String> names =
                new ArrayList<>(WeftCommand.commandLine().getSubcommands().keySet());
        names.removeAll(List.of("show", "install-cni"));
        for (final ShowCommand.What what : ShowCommand.What.values()) {
            names.add("show-" + what);
        }
        for (final String name : names) {
            for (final String form : List.of(".txt", ".json")) {
                assertTrue(Files.exists(Path.of("src/test/golden").resolve(name + form)), name + form);
            }
        }
    }

    @Test
    void shouldSayThatThereIsNoDaemonByWordsAndExitCode() {
        assertEquals(5, execute("--run-dir=" + directory));
        assertTrue(output.toString().startsWith("no weftd has left anything in " + directory), output::toString);
    }

    private Path counters() {
        final Path path = directory.resolve("weft.1.counters");
        try (CountersFile file =
                CountersFile.create(path, COUNTERS, 42, System.currentTimeMillis() + TimeUnit.DAYS.toMillis(1))) {
            file.manager().newCounter("seen").set(7);
            assertEquals(0, execute("counters", "--run-dir=" + directory), errors::toString);
        }
        return path;
    }

    /** The writer's clock is a day ahead. */
    @Test
    void shouldTellNoAgeLessThanNothing() {
        counters();
        assertTrue(output.toString().startsWith("process 42, last sign of life 0 ms ago"), output::toString);
        assertTrue(output.toString().contains("7  seen"), output::toString);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, HEADER_LENGTH - 1, HEADER_LENGTH, 1000})
    void shouldRefuseCountersThatAreCutShort(final int length) throws IOException {
        final Path path = counters();
        Files.write(path, Arrays.copyOf(Files.readAllBytes(path), length));
        assertRefuses(1, path.toString(), "counters", "--counters-file=" + path);
    }

    /** Not what a library says of it. */
    @Test
    void shouldSayInOwnWordsWhyCountersAreNotRead() throws IOException {
        final Path empty = Files.createFile(directory.resolve("empty"));
        assertRefuses(
                1,
                empty + " has 0 bytes, which is not the length of counters: it is damaged",
                "counters",
                "--counters-file=" + empty);
        final Path fifo = directory.resolve("fifo");
        Command.run(List.of("mkfifo", fifo.toString()));
        assertRefuses(1, fifo + " is no ordinary file", "counters", "--counters-file=" + fifo);
    }

    /** Of the header: version, lengths; of the first counter: the length of its label; of the peers: rows and workers. */
    @ParameterizedTest
    @CsvSource({
        "0, 1",
        "0, -1",
        "32, 2147483647",
        "32, -1",
        "36, 1",
        "36, -2147483648",
        "40, 0",
        "40, -1",
        "LABEL, 1000000000",
        "PEERS, 2147483647",
        "PEERS, 0",
        "WORKERS, 2147483647",
        "WORKERS, -1"
    })
    void shouldRefuseCountersThatTellNonsense(final String place, final int value) throws IOException {
        final Path path = counters();
        final int position = switch (place) {
            case "LABEL" -> HEADER_LENGTH + CountersReader.LABEL_OFFSET;
            case "PEERS" -> PEERS_OFFSET;
            case "WORKERS" -> PEERS_OFFSET + Integer.BYTES;
            default -> Integer.parseInt(place);
        };
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
            channel.write(
                    ByteBuffer.allocate(Integer.BYTES)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putInt(value)
                            .flip(),
                    position);
        }
        assertRefuses(1, path.toString(), "counters", "--counters-file=" + path);
    }
}
