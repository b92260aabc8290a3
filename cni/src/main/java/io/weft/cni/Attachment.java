/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What is kept of one container's device: the delegate's configuration, for the DEL that comes days later.
 *
 * <pre>
 *   dataDir/ID                 attachment of eth0, by the name and with the content that flannel's plugin gives it
 *   dataDir/ID:IFNAME          attachment of any other device; neither name may hold a colon
 *   dataDir/ID:IFNAME:adding   the same while its ADD is at work, or after it was killed
 * </pre>
 *
 * <p>The state is on disk before the delegate is started, so that whatever the delegate does can be undone.
 */
final class Attachment {
    /** The device of kubelet's runtimes; the only one that flannel's plugin, which keeps one file per container, can have. */
    private static final String IFNAME_DEFAULT = "eth0";

    private static final String ADDING = ":adding";

    private final String containerId;
    private final String ifname;
    private final Path file;
    private final Path addingFile;

    /**
     * @param dataDir the directory of all attachments; need not exist.
     * @param containerId well-formed.
     * @param ifname well-formed.
     */
    Attachment(final Path dataDir, final String containerId, final String ifname) {
        this.containerId = containerId;
        this.ifname = ifname;
        final String qualified = containerId + ":" + ifname;
        file = dataDir.resolve(IFNAME_DEFAULT.equals(ifname) ? containerId : qualified);
        addingFile = dataDir.resolve(qualified + ADDING);
    }

    /**
     * All attachments, finished or not, in a directory that may be missing.
     *
     * @param dataDir the directory of all attachments.
     * @throws CniException code 5 if it cannot be read.
     */
    static List<Attachment> list(final Path dataDir) throws CniException {
        final List<Attachment> attachments = new ArrayList<>();
        if (!Files.isDirectory(dataDir)) {
            return attachments;
        }
        try (var files = Files.newDirectoryStream(dataDir)) {
            for (final Path each : files) {
                final String name = String.valueOf(each.getFileName());
                final String qualified =
                        name.endsWith(ADDING) ? name.substring(0, name.length() - ADDING.length()) : name;
                final int colon = qualified.indexOf(':');
                final Attachment attachment = colon < 0
                        ? new Attachment(dataDir, qualified, IFNAME_DEFAULT)
                        : new Attachment(dataDir, qualified.substring(0, colon), qualified.substring(colon + 1));
                final boolean isOurs = each.equals(attachment.file) || each.equals(attachment.addingFile);
                if (isOurs && Files.isRegularFile(each)) {
                    attachments.add(attachment);
                }
            }
        } catch (final IOException e) {
            throw CniException.ofFile("cannot read", dataDir, e);
        }
        return attachments;
    }

    String containerId() {
        return containerId;
    }

    String ifname() {
        return ifname;
    }

    /** Whether the name of the state tells the container alone, as all of flannel's plugin do. */
    boolean isNamedByContainer() {
        return IFNAME_DEFAULT.equals(ifname);
    }

    /** Whether an ADD has been begun and no DEL finished. */
    boolean exists() {
        return Files.exists(file) || isUnfinished();
    }

    /** Whether an ADD is at work, or has been killed. */
    boolean isUnfinished() {
        return Files.exists(addingFile);
    }

    /**
     * Keeps the delegate's configuration, on disk when this returns; the attachment is unfinished. A failure leaves nothing where
     * nothing was.
     *
     * @param configuration the delegate's.
     * @throws CniException code 5 if it cannot be written.
     */
    void begin(final Map<String, @Nullable Object> configuration) throws CniException {
        final boolean isNew = !isUnfinished();
        try {
            try {
                write(Json.write(configuration));
            } catch (final IOException e) {
                if (isNew) {
                    Files.deleteIfExists(addingFile);
                }
                throw e;
            }
        } catch (final IOException e) {
            throw CniException.ofFile("cannot write", addingFile, e)
                    .and("dataDir has to be a directory that can be written, with room");
        }
    }

    private void write(final byte[] content) throws IOException {
        final Path dataDir = file.getParent();
        if (null != dataDir && !Files.isDirectory(dataDir)) {
            Files.createDirectories(
                    dataDir, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
        try (FileChannel channel = FileChannel.open(
                addingFile,
                Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
            final ByteBuffer buffer = ByteBuffer.wrap(content);
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
            channel.force(true);
        }
    }

    /**
     * The ADD has done its work.
     *
     * @throws CniException code 5 if the state cannot be given its final name.
     */
    void finish() throws CniException {
        try {
            Files.move(addingFile, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (final IOException e) {
            throw CniException.ofFile("cannot rename", addingFile, e);
        }
    }

    /**
     * The delegate's configuration as it was kept.
     *
     * @throws CniException code 5 if it cannot be read, 6 if the machine lost power while it was written.
     */
    Map<String, @Nullable Object> read() throws CniException {
        final Path kept = isUnfinished() ? addingFile : file;
        try {
            return Json.readObject(Files.readAllBytes(kept), toString());
        } catch (final IOException e) {
            throw CniException.ofFile("cannot read", kept, e);
        }
    }

    /**
     * The attachment is no more.
     *
     * @throws CniException code 5 if its state cannot be removed.
     */
    void remove() throws CniException {
        try {
            Files.deleteIfExists(addingFile);
            Files.deleteIfExists(file);
        } catch (final IOException e) {
            throw CniException.ofFile("cannot remove the state", file, e);
        }
    }

    @Override
    public String toString() {
        return file.toString();
    }
}
