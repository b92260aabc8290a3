/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** The VXLAN frames that arrive on a node's underlay device, as tcpdump writes them to a file. */
public final class UnderlayCapture implements AutoCloseable {
    private static final int TIMEOUT_MS = Await.TIMEOUT_MS;

    /** More than any frame here; tcpdump's buffer is divided into pieces of this length, and should have many. */
    private static final String SNAPSHOT_LENGTH = "2048";

    /** Of the file, and of each record: https://www.ietf.org/archive/id/draft-gharris-opsawg-pcap-01.html. */
    private static final int FILE_HEADER_LENGTH = 24;

    private static final int RECORD_HEADER_LENGTH = 16;
    private static final int CAPTURED_LENGTH_OFFSET = 8;

    private final CloseAll resources = new CloseAll();
    private final Path file;

    public UnderlayCapture(final Topology.Node node) throws IOException {
        final Path directory = Files.createTempDirectory("weft-test");
        file = directory.resolve("underlay.pcap");
        resources.add(() -> {
            Files.deleteIfExists(file);
            Files.delete(directory);
        });
        final BackgroundProcess tcpdump = resources.add(node.namespace()
                .start(
                        "tcpdump",
                        "-Z",
                        "root",
                        "-i",
                        node.underlayDevice(),
                        "-s",
                        SNAPSHOT_LENGTH,
                        "-B",
                        "16384",
                        "-U",
                        "--immediate-mode",
                        "-w",
                        file.toString(),
                        "udp dst port 8472"));
        tcpdump.awaitOutput("listening on", TIMEOUT_MS);
    }

    public Path file() {
        return file;
    }

    /** All frames so far, once one of them is {@code last}. */
    public List<byte[]> framesUntil(final Predicate<byte[]> last) {
        final List<byte[]> frames = new ArrayList<>();
        Await.until(() -> "the last frame, after " + frames.size() + " others", TIMEOUT_MS, () -> {
            frames.clear();
            read(frames);
            return frames.stream().anyMatch(last);
        });
        return frames;
    }

    private void read(final List<byte[]> frames) {
        try {
            final ByteBuffer buffer = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.nativeOrder());
            int at = FILE_HEADER_LENGTH;
            while (at + RECORD_HEADER_LENGTH <= buffer.capacity()) {
                final int length = buffer.getInt(at + CAPTURED_LENGTH_OFFSET);
                at += RECORD_HEADER_LENGTH;
                if (at + length <= buffer.capacity()) {
                    final byte[] frame = new byte[length];
                    buffer.get(at, frame);
                    frames.add(frame);
                }
                at += length;
            }
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        resources.close();
    }
}
