/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import io.weft.address.IpPrefix;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;

/**
 * What the overlay daemon says of the node in subnet.env. The rules are flannel's (flannel-io/cni-plugin flannel.go): a
 * line is split at its first {@code =}, a network may be a list with commas, unknown lines are ignored.
 *
 * @param networks the overlay's networks, IPv4 before IPv6, without duplicates.
 * @param subnets the node's own: IPv4, IPv6, or both in this order.
 * @param mtu of pods, in bytes.
 * @param ipMasq true if the daemon masquerades, so that the bridge need not.
 */
record SubnetEnv(List<String> networks, List<String> subnets, int mtu, boolean ipMasq) {
    /** Many times the longest; what is longer is another file. */
    private static final int LENGTH_MAX = 1 << 16;

    /** RFC 791, section 3.2: what every host must be able to forward. */
    private static final int MTU_MIN = 68;

    /** IP_MAX_MTU: include/net/ip.h. */
    private static final int MTU_MAX = 0xFFFF;

    /**
     * @param file subnet.env.
     * @throws CniException code 11 if there is none yet, or an empty one, as a loss of power leaves it; 5 if it cannot be
     *     read; 7 for a mistake in it: the daemons rename a whole file into place, so that it will not pass by itself.
     */
    static SubnetEnv read(final Path file) throws CniException {
        final String text;
        try {
            final BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            if (!attributes.isRegularFile() || attributes.size() > LENGTH_MAX) {
                throw new CniException(
                        CniException.INVALID_CONFIGURATION,
                        "subnetFile is " + file + ", which is " + (attributes.isRegularFile() ? "too long" : "no file"),
                        "allowed: a file that weftd or flanneld writes, of at most " + LENGTH_MAX + " bytes");
            }
            text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
        } catch (final NoSuchFileException e) {
            throw new CniException(
                    CniException.TRY_AGAIN_LATER,
                    "the overlay is not ready: there is no " + file,
                    "weftd or flanneld writes it when the node has its subnet; see that daemon's log");
        } catch (final IOException e) {
            throw CniException.ofFile("cannot read", file, e);
        }
        if (text.isEmpty()) {
            throw new CniException(
                    CniException.TRY_AGAIN_LATER,
                    "the overlay is not ready: " + file + " is empty",
                    "weftd or flanneld writes it anew at its start; see that daemon's log");
        }
        return parse(text, file);
    }

    /**
     * @param text of the file.
     * @param file for messages.
     * @throws CniException code 7 with the key and value at fault.
     */
    static SubnetEnv parse(final String text, final Path file) throws CniException {
        final List<String> networks = new ArrayList<>();
        final List<String> networksV6 = new ArrayList<>();
        final List<String> subnets = new ArrayList<>();
        final List<String> subnetsV6 = new ArrayList<>();
        String mtu = "";
        String ipMasq = "";
        int from = 0;
        while (from < text.length()) {
            final int lineEnd = text.indexOf('\n', from) < 0 ? text.length() : text.indexOf('\n', from);
            // As Go's scanner takes a line.
            final int end = lineEnd > from && '\r' == text.charAt(lineEnd - 1) ? lineEnd - 1 : lineEnd;
            final int equals = text.indexOf('=', from);
            if (equals >= 0 && equals < end) {
                final String key = text.substring(from, equals);
                final String value = text.substring(equals + 1, end);
                switch (key) {
                    case "FLANNEL_NETWORK" -> addNetworks(networks, key, value, file);
                    case "FLANNEL_IPV6_NETWORK" -> addNetworks(networksV6, key, value, file);
                    case "FLANNEL_SUBNET" -> addNetworks(subnets, key, value, file);
                    case "FLANNEL_IPV6_SUBNET" -> addNetworks(subnetsV6, key, value, file);
                    case "FLANNEL_MTU" -> mtu = value;
                    case "FLANNEL_IPMASQ" -> ipMasq = value;
                    default -> {
                        // A later daemon's key.
                    }
                }
            }
            from = lineEnd + 1;
        }
        networks.addAll(networksV6);
        subnets.addAll(subnetsV6);
        requirePresent(!networks.isEmpty(), "FLANNEL_NETWORK or FLANNEL_IPV6_NETWORK", file);
        requirePresent(!subnets.isEmpty(), "FLANNEL_SUBNET or FLANNEL_IPV6_SUBNET", file);
        requirePresent(!mtu.isEmpty(), "FLANNEL_MTU", file);
        requirePresent(!ipMasq.isEmpty(), "FLANNEL_IPMASQ", file);
        return new SubnetEnv(List.copyOf(networks), List.copyOf(subnets), mtuOf(mtu, file), "true".equals(ipMasq));
    }

    private static void addNetworks(final List<String> networks, final String key, final String value, final Path file)
            throws CniException {
        int from = 0;
        while (from <= value.length()) {
            final int end = value.indexOf(',', from) < 0 ? value.length() : value.indexOf(',', from);
            final String network;
            try {
                network = IpPrefix.parseContaining(value.substring(from, end)).toString();
            } catch (final IllegalArgumentException e) {
                throw invalid(file, "has " + key + "=" + value, "allowed: address/prefix length");
            }
            if (!networks.contains(network)) {
                networks.add(network);
            }
            from = end + 1;
        }
    }

    private static int mtuOf(final String value, final Path file) throws CniException {
        try {
            final int mtu = Integer.parseInt(value);
            if (mtu >= MTU_MIN && mtu <= MTU_MAX) {
                return mtu;
            }
        } catch (final NumberFormatException e) {
            // Reported below, as a number out of range is.
        }
        throw invalid(
                file, "has FLANNEL_MTU=" + value, "allowed: a number of bytes from " + MTU_MIN + " to " + MTU_MAX);
    }

    private static void requirePresent(final boolean isPresent, final String key, final Path file) throws CniException {
        if (!isPresent) {
            throw invalid(file, "has no " + key, "weftd and flanneld write it; who has written this file?");
        }
    }

    private static CniException invalid(final Path file, final String what, final String details) {
        return new CniException(CniException.INVALID_CONFIGURATION, file + " " + what, details);
    }
}
