/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpPrefix;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.FileFailure;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * subnet.env, what flannel tells the CNI plugin (flannel pkg/subnet/subnet.go): names and order are a contract. Its
 * appearance says that pods can be wired, so it is written last and at once.
 */
public final class SubnetFile {
    private static final System.Logger LOG = System.getLogger(SubnetFile.class.getName());

    private final Path file;

    /**
     * The file of this path, which need not be there yet.
     *
     * @param file flannel's default is /run/flannel/subnet.env.
     */
    public SubnetFile(final Path file) {
        this.file = file.toAbsolutePath();
    }

    /**
     * What is in the file, but for the MTU, which may change while the node runs.
     *
     * @param config of the network.
     * @param own this node's subnets.
     * @param ipMasq weftd masquerades, so that the CNI plugin need not.
     */
    public record Content(NetworkConfig config, LeaseKey own, boolean ipMasq) {
        String text(final int mtu) {
            final StringBuilder text = new StringBuilder();
            family(text, "", config.network(), own.subnet());
            family(text, "IPV6_", config.ipv6Network(), own.ipv6Subnet());
            text.append("FLANNEL_MTU=").append(mtu).append('\n');
            text.append("FLANNEL_IPMASQ=").append(ipMasq).append('\n');
            return text.toString();
        }
    }

    /** The absolute path. */
    public Path path() {
        return file;
    }

    /**
     * Whether the file is as it was written.
     *
     * @throws IOException when it is there and cannot be read.
     */
    public boolean holds(final Content content, final int mtu) throws IOException {
        try {
            return Arrays.equals(Files.readAllBytes(file), content.text(mtu).getBytes(StandardCharsets.US_ASCII));
        } catch (final NoSuchFileException removed) {
            return false;
        }
    }

    private static void family(
            final StringBuilder text,
            final String infix,
            final @Nullable IpPrefix network,
            final @Nullable IpPrefix subnet) {
        if (null != network && null != subnet) {
            text.append("FLANNEL_")
                    .append(infix)
                    .append("NETWORK=")
                    .append(network)
                    .append('\n');
            text.append("FLANNEL_").append(infix).append("SUBNET=");
            text.append(subnet.base().plus(1))
                    .append('/')
                    .append(subnet.length())
                    .append('\n');
        }
    }

    /**
     * Writes the file by rename, mode 0644, its directory 0755.
     *
     * @throws StartupException when that is not possible; no part of a file is left then.
     */
    public void write(final Content content, final int mtu) {
        final Path directory = Objects.requireNonNull(file.getParent());
        final Path fresh = directory.resolve('.' + String.valueOf(file.getFileName()) + ".new");
        try {
            Files.createDirectories(directory);
            try {
                try (FileChannel channel = FileChannel.open(
                        fresh,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE,
                        LinkOption.NOFOLLOW_LINKS)) {
                    channel.write(StandardCharsets.US_ASCII.encode(content.text(mtu)));
                    channel.force(true); // else a power loss may leave the name with an empty file
                }
                Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString("rw-r--r--"));
                Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(fresh);
            }
        } catch (final IOException failure) {
            throw new StartupException(
                    "write subnet file " + file + ": " + FileFailure.words(failure)
                            + ". Choose a writable place by --subnet-file",
                    failure);
        }
    }

    /**
     * What this host had when the file was last written.
     *
     * @param subnets its own; null for none.
     * @param networks the cluster's.
     */
    public record Former(@Nullable LeaseKey subnets, List<IpPrefix> networks) {
        static final Former NONE = new Former(null, List.of());
    }

    /** What the file says; of one that cannot be read, or whose words are not understood, nothing is believed. */
    public Former former() {
        try {
            final List<String> lines = Files.readAllLines(file);
            final IpPrefix subnet = prefix(lines, "FLANNEL_SUBNET", true);
            final IpPrefix ipv6Subnet = prefix(lines, "FLANNEL_IPV6_SUBNET", false);
            return new Former(
                    null == subnet && null == ipv6Subnet ? null : new LeaseKey(subnet, ipv6Subnet),
                    Stream.of(prefix(lines, "FLANNEL_NETWORK", true), prefix(lines, "FLANNEL_IPV6_NETWORK", false))
                            .flatMap(Stream::ofNullable)
                            .toList());
        } catch (final NoSuchFileException first) {
            return Former.NONE;
        } catch (final IOException | IllegalArgumentException failure) {
            LOG.log(
                    WARNING,
                    "{0} does not say what this node had: {1}{2}",
                    file,
                    failure instanceof final IOException unread ? FileFailure.words(unread) : failure.getMessage(),
                    LogFields.of("file", file));
            return Former.NONE;
        }
    }

    private static @Nullable IpPrefix prefix(final List<String> lines, final String name, final boolean wantIpv4) {
        final String start = name + '=';
        final String line = lines.stream()
                .filter(each -> each.startsWith(start))
                .reduce((former, latter) -> latter)
                .orElse(null);
        if (null == line) {
            return null;
        }
        try {
            final IpPrefix prefix = IpPrefix.parseContaining(line.substring(start.length()));
            if (prefix.isIpv4() != wantIpv4) {
                throw new IllegalArgumentException("it is of the other IP version");
            }
            return prefix;
        } catch (final IllegalArgumentException fault) {
            throw new IllegalArgumentException(line + ": " + fault.getMessage(), fault);
        }
    }
}
