/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.registry.UnavailableException;
import java.security.SecureRandom;
import java.util.concurrent.TimeUnit;

/**
 * The etcd lease that lets the own key expire a day after its last renewal. However often the key is written, it is the same one:
 * found with the key, or granted once, and given back when it came to nothing. Used by one thread at a time.
 */
final class EtcdTerm {
    private static final System.Logger LOG = System.getLogger(EtcdTerm.class.getName());

    private final EtcdStore store;
    private final SecureRandom random = new SecureRandom();
    private long id;
    private boolean isUsed;
    /** The answer to what was written with it is lost. */
    private boolean isUncertain;

    private long expiryNs;

    EtcdTerm(final EtcdStore store) {
        this.store = store;
    }

    /** Nanoseconds until etcd lets the key expire, as of the last renewal; negative when it has. */
    long remainingNs() {
        return expiryNs - System.nanoTime();
    }

    /**
     * The etcd lease to write the key with; it has a whole day.
     *
     * @param present of the key as it was read; 0 for none.
     */
    long take(final long present) throws UnavailableException, InterruptedException {
        isUncertain = false;
        isUsed |= 0 != id && present == id;
        if (0 != present && present != id && renew(present)) {
            giveBack();
            id = present;
            isUsed = true;
        } else if (0 == id || !renew(id)) {
            id = 1 + random.nextLong(Long.MAX_VALUE); // etcd takes positive ones
            isUsed = false;
            store.grant(id, EtcdRegistry.LEASE_TTL_S);
            renewedAt(System.nanoTime());
        }
        return id;
    }

    /** Begins the day anew; false when the key has no such etcd lease. */
    private boolean renew(final long known) throws UnavailableException, InterruptedException {
        final long nowNs = System.nanoTime();
        if (store.keepAlive(known) < EtcdRegistry.LEASE_TTL_S) {
            return false; // gone, or somebody's of another time
        }
        renewedAt(nowNs);
        return true;
    }

    private void renewedAt(final long nowNs) {
        expiryNs = nowNs + TimeUnit.SECONDS.toNanos(EtcdRegistry.LEASE_TTL_S);
    }

    /** The key was written with it. */
    void used() {
        isUsed = true;
    }

    /** The key may have been written with it, and cannot be read now: it is kept for the next try. */
    void uncertain() {
        isUncertain = true;
    }

    /** Revokes it, if nothing was written with it. */
    void giveBack() throws InterruptedException {
        if (0 == id || isUsed || isUncertain) {
            return;
        }
        final long unused = id;
        id = 0;
        try {
            store.revoke(unused);
        } catch (final UnavailableException failure) {
            if (failure instanceof final EtcdErrorException refused && refused.says("lease not found")) {
                return;
            }
            LOG.log(WARNING, "an etcd lease that is not used stays for a day: {0}", failure.getMessage());
        }
    }
}
