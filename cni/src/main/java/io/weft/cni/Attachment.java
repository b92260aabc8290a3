/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What is kept of one container's device: the delegate's configuration, for the DEL that comes days later.
 *
 * <pre>
 *   dataDir/ID                 the container's first attachment, by the name and with the content that flannel's plugin gives it
 *   dataDir/ID:IFNAME          any other; neither name may hold a colon
 *   dataDir/ID:IFNAME:adding   one whose ADD is at work, or was killed
 * </pre>
 *
 * <p>flannel's plugin keeps one file per container and does not say of which device it is. In weft's own files a further key
 * does; flannel's plugin and the delegates pass over it.
 *
 * <p>The state is on disk before the delegate is started, so that whatever the delegate does can be undone.
 */
final class Attachment {
    /** The device of kubelet's runtimes. */
    static final String IFNAME_DEFAULT = "eth0";

    private static final String ADDING = ":adding";
    private static final String IFNAME_KEY = "io.weft.cni/ifname";

    private final Path dataDir;
    private final String containerId;
    private final String ifname;
    private final Path containerFile;
    private final Path deviceFile;
    private final Path addingFile;

    /**
     * @param dataDir the directory of all attachments; need not exist.
     * @param containerId well-formed.
     * @param ifname well-formed.
     */
    Attachment(final Path dataDir, final String containerId, final String ifname) {
        this.dataDir = dataDir;
        this.containerId = containerId;
        this.ifname = ifname;
        containerFile = dataDir.resolve(containerId);
        deviceFile = dataDir.resolve(containerId + ":" + ifname);
        addingFile = dataDir.resolve(containerId + ":" + ifname + ADDING);
    }

    /**
     * All attachments, finished or not, in a directory that may be missing. One of flannel's plugin is told as eth0.
     *
     * @param dataDir the directory of all attachments.
     * @throws CniException code 5 if it cannot be read.
     */
    static Collection<Attachment> list(final Path dataDir) throws CniException {
        final Map<String, Attachment> attachments = new TreeMap<>();
        if (!Files.isDirectory(dataDir)) {
            return attachments.values();
        }
        try (var files = Files.newDirectoryStream(dataDir)) {
            for (final Path each : files) {
                if (Files.isRegularFile(each)) {
                    final Attachment attachment = of(each, dataDir);
                    if (attachment.isKeptIn(each)) {
                        attachments.put(attachment.deviceFile.toString(), attachment);
                    }
                }
            }
        } catch (final IOException e) {
            throw CniException.ofFile("cannot read", dataDir, e);
        }
        return attachments.values();
    }

    private static Attachment of(final Path file, final Path dataDir) throws CniException {
        final String name = String.valueOf(file.getFileName());
        final String qualified = name.endsWith(ADDING) ? name.substring(0, name.length() - ADDING.length()) : name;
        final int colon = qualified.indexOf(':');
        if (colon >= 0) {
            return new Attachment(dataDir, qualified.substring(0, colon), qualified.substring(colon + 1));
        }
        final String ifname = ifnameIn(file);
        return new Attachment(dataDir, qualified, null == ifname ? IFNAME_DEFAULT : ifname);
    }

    private boolean isKeptIn(final Path file) {
        return file.equals(containerFile) || file.equals(deviceFile) || file.equals(addingFile);
    }

    String containerId() {
        return containerId;
    }

    String ifname() {
        return ifname;
    }

    /** Whether its ADD has been begun and no DEL finished, or flannel's plugin has added a device of the container. */
    boolean exists() throws CniException {
        return null != file();
    }

    /** Whether an ADD would be the second: a device that flannel's plugin has added is taken for eth0 here. */
    boolean isAdded() throws CniException {
        return exists() && (!isOfFlannelsPlugin() || IFNAME_DEFAULT.equals(ifname));
    }

    /** Whether it is kept in a file that does not tell its device. */
    boolean isOfFlannelsPlugin() throws CniException {
        return containerFile.equals(file()) && null == ifnameIn(containerFile);
    }

    /** Whether an ADD is at work, or has been killed. */
    boolean isUnfinished() {
        return Files.exists(addingFile);
    }

    /** Where it is kept, or null. */
    private @Nullable Path file() throws CniException {
        if (isUnfinished()) {
            return addingFile;
        }
        if (Files.exists(deviceFile)) {
            return deviceFile;
        }
        if (!Files.exists(containerFile)) {
            return null;
        }
        final String kept = ifnameIn(containerFile);
        return null == kept || ifname.equals(kept) ? containerFile : null;
    }

    /** The device that a container's file is of, or null if it does not tell. */
    private static @Nullable String ifnameIn(final Path file) throws CniException {
        try {
            return Json.readObject(Files.readAllBytes(file), file.toString()).get(IFNAME_KEY) instanceof String ifname
                            && Invocation.isInterfaceName(ifname)
                    ? ifname
                    : null;
        } catch (final IOException e) {
            throw CniException.ofFile("cannot read", file, e);
        } catch (final CniException e) {
            return null; // Cut off by a loss of power.
        }
    }

    /**
     * Keeps the delegate's configuration, on disk when this returns; the attachment is unfinished. A failure leaves nothing where
     * nothing was.
     *
     * @param configuration the delegate's.
     * @throws CniException code 5 if it cannot be written.
     */
    void begin(final Map<String, @Nullable Object> configuration) throws CniException {
        final Map<String, @Nullable Object> kept = new HashMap<>(configuration);
        kept.put(IFNAME_KEY, ifname);
        final boolean isNew = !isUnfinished();
        try {
            try {
                write(Json.write(kept));
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
        if (!Files.isDirectory(dataDir)) {
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
            try {
                // Fails, other than a rename, where the container has an attachment already.
                Files.createLink(containerFile, addingFile);
                Files.delete(addingFile);
            } catch (final FileSystemException | UnsupportedOperationException e) {
                Files.move(addingFile, deviceFile, StandardCopyOption.ATOMIC_MOVE);
            }
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
        final Path file = file();
        final byte[] content;
        try {
            content = Files.readAllBytes(null == file ? deviceFile : file);
        } catch (final IOException e) {
            throw CniException.ofFile("cannot read", null == file ? deviceFile : file, e);
        }
        final Map<String, @Nullable Object> configuration = Json.readObject(content, toString());
        configuration.remove(IFNAME_KEY);
        return configuration;
    }

    /**
     * The attachment is no more.
     *
     * @throws CniException code 5 if its state cannot be removed.
     */
    void remove() throws CniException {
        final boolean isContainerFile =
                Files.exists(containerFile) && (ifname.equals(ifnameIn(containerFile)) || containerFile.equals(file()));
        try {
            Files.deleteIfExists(addingFile);
            Files.deleteIfExists(deviceFile);
            if (isContainerFile) {
                Files.deleteIfExists(containerFile);
            }
        } catch (final IOException e) {
            throw CniException.ofFile("cannot remove the state", containerFile, e);
        }
    }

    @Override
    public String toString() {
        return (Files.exists(deviceFile) ? deviceFile : containerFile).toString();
    }
}
