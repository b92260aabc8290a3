/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.Refusals;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which node has which subnet. Node objects say what they like, so two may name one: it stays with the node that had it first, and
 * goes to the other when that one is gone. This node always has its own. Used by the registry's thread alone.
 */
final class KubeClaims {
    private final String ownName;
    private final LeaseListener listener;
    private final Refusals refusals;
    private Map<String, Lease> leases = new HashMap<>();
    private Map<LeaseKey, String> holders = new HashMap<>();

    KubeClaims(final String ownName, final LeaseListener listener, final Refusals refusals) {
        this.ownName = ownName;
        this.listener = listener;
        this.refusals = refusals;
    }

    /** Takes over the leases of all nodes, by name, and tells the listener. */
    void replace(final Map<String, Lease> listed) {
        refusals.beginList();
        final Map<LeaseKey, String> before = holders;
        leases = new HashMap<>(listed);
        holders = new HashMap<>();
        listed.forEach((name, lease) -> {
            if (name.equals(ownName) || name.equals(before.get(lease.key()))) {
                holders.put(lease.key(), name);
            }
        });
        final List<Lease> held = new ArrayList<>(listed.size());
        listed.forEach((name, lease) -> {
            holders.putIfAbsent(lease.key(), name);
            if (isHeld(name, lease)) {
                held.add(lease);
            }
        });
        listener.onSnapshot(held);
    }

    /** Takes over the lease of one node. */
    void put(final String name, final Lease lease) {
        final Lease before = leases.put(name, lease);
        if (null != before && !before.key().equals(lease.key())) {
            release(name, before.key());
        }
        if (name.equals(ownName)) {
            holders.put(lease.key(), name);
        }
        holders.putIfAbsent(lease.key(), name);
        if (isHeld(name, lease)) {
            listener.onPut(lease);
        }
    }

    /** Whether a node has its subnet; said once, if another has it. */
    private boolean isHeld(final String name, final Lease lease) {
        final String holder = holders.get(lease.key());
        if (name.equals(holder)) {
            refusals.forget(name);
            return true;
        }
        refusals.refuse(
                name,
                "its pod CIDR " + lease.key() + " is node " + holder + "'s too: delete one of the two Node objects");
        return false;
    }

    /** A node is gone, or has no lease any more. */
    void remove(final String name) {
        refusals.forget(name);
        final Lease before = leases.remove(name);
        if (null != before) {
            release(name, before.key());
        }
    }

    private void release(final String name, final LeaseKey key) {
        if (!holders.remove(key, name)) {
            return;
        }
        for (final Map.Entry<String, Lease> other : leases.entrySet()) {
            if (other.getValue().key().equals(key)) {
                holders.put(key, other.getKey());
                refusals.forget(other.getKey());
                listener.onPut(other.getValue());
                return;
            }
        }
        listener.onRemove(key);
    }

    /** The leases of all nodes by name, whoever holds the subnet. */
    Map<String, Lease> leases() {
        return Collections.unmodifiableMap(leases);
    }

    /** How many nodes have a lease. */
    int size() {
        return leases.size();
    }

    /** True for a node whose lease is known. */
    boolean knows(final String name) {
        return leases.containsKey(name);
    }
}
