/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.Refusals;
import io.weft.overlay.registry.RegistryStatus;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** What etcd's keys and values say, and what is wrong with those that are no leases. Used by one thread at a time. */
final class EtcdLeaseReader {
    private final Refusals refusals;
    /** Those that are leases, and of no use all the same. */
    private final Refusals useless;

    EtcdLeaseReader(final RegistryStatus status) {
        refusals = new Refusals("etcd lease", status);
        useless = new Refusals("etcd lease", status);
    }

    /** All keys are read anew. */
    void beginList() {
        refusals.beginList();
        useless.beginList();
    }

    /** The lease that an entry holds; null, and said once, when it is none. */
    @Nullable
    Lease lease(final EtcdStore.Entry entry) {
        try {
            final Lease read = new Lease(
                    LeaseKey.parse(entry.name()),
                    LeaseAttributes.read(
                            JsonReader.read(
                                    entry.value().getBytes(StandardCharsets.UTF_8), "etcd lease " + entry.name()),
                            false));
            refusals.forget(entry.name());
            return read;
        } catch (final JsonException | IllegalArgumentException failure) {
            refusals.refuse(entry.name(), String.valueOf(failure.getMessage()));
            return null;
        }
    }

    /** An entry cannot be used, though it may be a lease. */
    void refuse(final String name, final String fault) {
        useless.refuse(name, fault);
    }

    /** An entry is gone. */
    void forget(final String name) {
        refusals.forget(name);
        useless.forget(name);
    }

    /**
     * What nobody else is to be given because of a key, be it none that weft writes: whoever wrote 10.244.1.7-24 uses addresses of
     * 10.244.1.0/24, and flannel does not give it away either. Null for a key that names no addresses.
     */
    static @Nullable LeaseKey takenBy(final String name) {
        try {
            return LeaseKey.parseContaining(name);
        } catch (final IllegalArgumentException namesNoSubnet) {
            return null;
        }
    }

    /** The subnet that a key names, whatever its value; null for a key that names none. */
    static @Nullable LeaseKey keyOf(final String name) {
        try {
            return LeaseKey.parse(name);
        } catch (final IllegalArgumentException namesNoSubnet) {
            return null;
        }
    }
}
