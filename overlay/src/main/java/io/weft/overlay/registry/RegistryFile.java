/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import io.weft.address.IpPrefix;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonText;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.NetworkConfigReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a registry file says: {@code {"config": …, "leases": {"10.244.0.0-24": …}}}, in flannel's own JSON. People write
 * it, so whatever does not fit together is an error with its place, and nothing of such a file is used.
 *
 * <p>A file that is read again keeps the objects of what has not changed: of thousands of leases all would be new else, and old soon, and
 * packets wait while those are collected. Owned by one thread at a time.
 */
final class RegistryFile {
    /** A lease with its place in the text that it was read from, of which this has a copy. */
    static final class Placed {
        private final String name;
        private final Lease lease;
        private final JsonText text;

        /** The last reading that had it. */
        private int reading;

        private Placed(final String name, final Lease lease, final JsonText text, final int reading) {
            this.name = name;
            this.lease = lease;
            this.text = text;
            this.reading = reading;
        }

        Lease lease() {
            return lease;
        }

        JsonText text() {
            return text;
        }
    }

    private final NetworkConfig config;
    private final Map<String, Placed> placed = new LinkedHashMap<>();
    private final LeaseConflicts conflicts = new LeaseConflicts();
    private int readings;

    private RegistryFile(final NetworkConfig config) {
        this.config = config;
    }

    /**
     * Reads and checks a file's text.
     *
     * @param text of which nothing is kept.
     * @param length of it in bytes.
     * @throws JsonException with line, column and cause.
     */
    static RegistryFile read(final byte[] text, final int length, final String source) {
        final Map<String, JsonText> parts = parts(JsonText.of(text, length, source));
        final RegistryFile file = new RegistryFile(config(parts));
        file.accept(file.compare(leases(parts)));
        return file;
    }

    /**
     * Reads and checks a text that has come in the place of this file's.
     *
     * @param text of which nothing is kept.
     * @param length of it in bytes.
     * @return what is other in it, for {@link #accept}; null where that is the configuration, so that all is to be read anew.
     * @throws JsonException with line, column and cause.
     */
    @Nullable
    Change reread(final byte[] text, final int length, final String source) {
        final Map<String, JsonText> parts = parts(JsonText.of(text, length, source));
        return config.equals(config(parts)) ? compare(leases(parts)) : null;
    }

    /** What a text has that the file had not, and the other way round. */
    final class Change {
        private final List<Placed> come;
        private final List<Lease> changed;
        private final List<Placed> gone;

        private Change(final List<Placed> come, final List<Lease> changed, final List<Placed> gone) {
            this.come = come;
            this.changed = changed;
            this.gone = gone;
        }

        /** All leases as they are with this change. */
        Stream<Lease> leases() {
            return Stream.concat(placed.values().stream().filter(known -> readings == known.reading), come.stream())
                    .map(Placed::lease);
        }

        /** Leases that are new or others than they were, in the order of the file; not those that are written in another way. */
        List<Lease> changed() {
            return changed;
        }

        /** The keys of leases that are in it no more, under whatever name. */
        List<LeaseKey> gone() {
            final Set<LeaseKey> keys =
                    come.stream().map(lease -> lease.lease.key()).collect(Collectors.toSet());
            return gone.stream()
                    .map(old -> old.lease.key())
                    .filter(key -> !keys.contains(key))
                    .toList();
        }
    }

    private Change compare(final JsonText leases) {
        readings++;
        final Map<String, Placed> come = new LinkedHashMap<>();
        final List<Lease> changed = new ArrayList<>();
        final int[] count = {0};
        leases.forEachMember((name, nameText, text) -> {
            count[0]++;
            final @Nullable Placed known = placed.get(name);
            if ((null != known && readings == known.reading) || come.containsKey(name)) {
                throw nameText.comesTwice();
            }
            if (null != known && text.hasTextOf(known.text)) {
                known.reading = readings;
            } else if (count[0] <= Registry.LEASES_MAX) {
                final Lease lease = lease(name, text.read(), config);
                come.put(name, new Placed(name, lease, text.copy(), readings));
                if (null == known || !known.lease.equals(lease)) {
                    changed.add(lease);
                }
            }
        });
        if (count[0] > Registry.LEASES_MAX) {
            throw leases.error("has " + count[0] + " leases, there is memory for " + Registry.LEASES_MAX);
        }
        return new Change(List.copyOf(come.values()), changed, notRead());
    }

    /** What the last reading has not met. */
    private List<Placed> notRead() {
        final List<Placed> gone = new ArrayList<>();
        for (final Placed known : placed.values()) {
            if (readings != known.reading) {
                gone.add(known);
            }
        }
        return gone;
    }

    /**
     * Takes a change over, the last that was compared.
     *
     * @throws JsonException with line, column and cause where leases do not fit together; then all is as it was.
     */
    void accept(final Change change) {
        conflicts.replace(change.gone, change.come);
        change.gone.forEach(old -> placed.remove(old.name));
        change.come.forEach(lease -> placed.put(lease.name, lease));
    }

    private static Map<String, JsonText> parts(final JsonText whole) {
        final Map<String, JsonText> parts = whole.members();
        parts.forEach((key, part) -> {
            if (!"config".equals(key) && !"leases".equals(key)) {
                throw part.error("is an unknown key, known here: config, leases");
            }
        });
        for (final String key : List.of("config", "leases")) {
            if (!parts.containsKey(key)) {
                throw whole.error("has no \"" + key + "\"");
            }
        }
        return parts;
    }

    private static NetworkConfig config(final Map<String, JsonText> parts) {
        return NetworkConfigReader.read(
                Objects.requireNonNull(parts.get("config")).read(), true, false);
    }

    private static JsonText leases(final Map<String, JsonText> parts) {
        return Objects.requireNonNull(parts.get("leases"));
    }

    NetworkConfig config() {
        return config;
    }

    /** All leases. */
    Stream<Lease> leases() {
        return placed.values().stream().map(Placed::lease);
    }

    /** How many leases there are. */
    int size() {
        return placed.size();
    }

    private static Lease lease(final String name, final JsonValue value, final NetworkConfig config) {
        final LeaseKey key;
        try {
            key = LeaseKey.parse(name);
        } catch (final IllegalArgumentException failure) {
            throw value.error("has a wrong key: " + failure.getMessage());
        }
        requireInside(value, key.subnet(), config.network(), "Network");
        requireInside(value, key.ipv6Subnet(), config.ipv6Network(), "IPv6Network");
        final LeaseAttributes attributes = LeaseAttributes.read(value, true);
        if (!attributes.backendType().equalsIgnoreCase(config.backend().type().leaseType())) {
            final JsonValue type = value.member("BackendType");
            throw (null == type ? value : type)
                    .error("has BackendType \"" + attributes.backendType() + "\", the network's backend is \""
                            + config.backend().type() + "\", whose leases have \""
                            + config.backend().type().leaseType() + "\"");
        }
        return new Lease(key, attributes);
    }

    private static void requireInside(
            final JsonValue value,
            final @Nullable IpPrefix subnet,
            final @Nullable IpPrefix network,
            final String networkKey) {
        if (null != subnet && (null == network || !network.contains(subnet))) {
            throw value.error(
                    "lies outside of config." + networkKey + " " + (null == network ? "(which is not set)" : network));
        }
    }
}
