/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.registry.UnavailableException;
import java.security.SecureRandom;
import java.util.concurrent.TimeUnit;

/**
 * How long the own key stays. By an etcd lease it expires a day after its last renewal: however often the key is written, it is the
 * same one, found with the key, or granted once, and given back when it came to nothing. A key that has none is a reservation, which an
 * operator has made (flannel Documentation/reservations.md): it stays, and is written without one. Used by one thread at a time.
 */
final class EtcdTerm {
    /** In the place of an etcd lease's id: the key stays. */
    private static final long NONE = 0;

    private static final System.Logger LOG = System.getLogger(EtcdTerm.class.getName());

    private final EtcdStore store;
    private final SecureRandom random = new SecureRandom();
    private boolean isReservation;
    private long id;
    private boolean isUsed;
    /** The answer to what was written with it is lost. */
    private boolean isUncertain;

    private long expiryNs;

    EtcdTerm(final EtcdStore store) {
        this.store = store;
    }

    /** Whether the key stays, and is not to be renewed. */
    boolean isReservation() {
        return isReservation;
    }

    /** Nanoseconds until etcd lets the key expire, as of the last renewal; negative when it has, very many for a reservation. */
    long remainingNs() {
        return isReservation ? Long.MAX_VALUE : expiryNs - System.nanoTime();
    }

    /**
     * The key was read.
     *
     * @param present its etcd lease; 0 for none.
     */
    void found(final long present) {
        if (NONE == present) {
            isReservation = true;
        } else if (isReservation) {
            isReservation = false;
            expiryNs = System.nanoTime(); // somebody's, of whatever time
        }
    }

    /** Somebody has deleted the key: what is written in its place is an ordinary lease. */
    void deleted() {
        isReservation = false;
    }

    /**
     * The etcd lease to write the key with; it has a whole day. 0 for a reservation.
     *
     * @param present of the key as it was read; 0 for none.
     */
    long take(final long present) throws UnavailableException, InterruptedException {
        isUncertain = false;
        if (isReservation) {
            return NONE;
        }
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
