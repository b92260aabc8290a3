/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.LinuxException;
import io.weft.linux.netlink.InterfaceAddress;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.lifecycle.NotYetException;
import io.weft.overlay.lifecycle.StartupException;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.agrona.concurrent.NanoClock;
import org.jspecify.annotations.Nullable;

/**
 * Which underlay the nodes of this process are on, and what becomes of it (docs/decisions/0053-follow-the-underlay.md). A cable
 * that is out, a network service that restarts, an interface that is deleted and made anew: all of that is waited for, since the
 * sockets stay bound to an address and send again as soon as it is back. Used by the control thread alone.
 */
public final class UnderlayCheck {
    /** A network service that restarts has brought its addresses back by then. */
    static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(15);

    private static final System.Logger LOG = System.getLogger(UnderlayCheck.class.getName());

    private final Rtnetlink rtnetlink;
    private final NanoClock clock;
    /** Since when each address of this host is there. */
    private final Map<InetAddress, Long> seenNs = new HashMap<>();

    private UnderlaySelector.@Nullable Wishes wishes;
    private @Nullable UnderlaySelector selector;
    private @Nullable Underlay inUse;
    /** What was chosen, and is returned to when it was lost and comes back; {@code inUse} most of the time. */
    private @Nullable Underlay home;
    /** When the home was last seen as it should be. */
    private long homeNs;

    private String trouble = "";

    /**
     * Nothing is chosen yet.
     *
     * @param rtnetlink of the nodes' namespace.
     * @param clock that does not jump.
     */
    public UnderlayCheck(final Rtnetlink rtnetlink, final NanoClock clock) {
        this.rtnetlink = rtnetlink;
        this.clock = clock;
    }

    /**
     * What a node is set up on: the choice of the node before stays, if the options have not changed.
     *
     * @throws io.weft.overlay.lifecycle.NotYetException when none is there yet, but may come by itself.
     * @throws StartupException when none matches, or the one that does has no address or no MTU.
     */
    public Underlay begin(final UnderlaySelector.Wishes now) {
        final Underlay former = inUse;
        if (null != former && now.equals(wishes)) {
            inUse = choose(former);
        } else {
            selector = new UnderlaySelector(rtnetlink, now);
            wishes = now;
            inUse = null;
            final HostAddresses host = HostAddresses.now(rtnetlink);
            inUse = selector.select(host, Set.of());
            home = inUse;
            seenNs.clear();
            host.addresses().forEach(address -> seenNs.put(address.address(), clock.nanoTime() - 2 * PATIENCE_NS));
            homeNs = clock.nanoTime();
        }
        trouble = "";
        return inUse;
    }

    /**
     * Looks at the interface; after {@link #begin}.
     *
     * @return what it is now; what it was before while it is gone, is down, or has lost an address without getting another.
     */
    public Underlay compare() {
        final Underlay before = required(inUse);
        String found;
        Underlay now = before;
        try {
            now = choose(before);
            found = hindrance(now);
        } catch (final StartupException | LinuxException gone) {
            found = String.valueOf(gone.getMessage());
        }
        if (!found.equals(trouble)) {
            trouble = found;
            if (found.isEmpty()) {
                LOG.log(INFO, "the underlay is back: {0}{1}", now, now.logFields());
            } else {
                LOG.log(
                        WARNING,
                        "{0}. Packets are forwarded again as soon as the underlay is back{1}",
                        found,
                        before.logFields());
            }
        }
        if (found.isEmpty()) {
            inUse = now;
        }
        return found.isEmpty() ? now : before;
    }

    private static <T> T required(final @Nullable T value) {
        if (null == value) {
            throw new IllegalStateException("begin() comes first");
        }
        return value;
    }

    private Underlay choose(final Underlay before) {
        final UnderlaySelector selecting = required(selector);
        final Underlay first = required(home);
        final boolean isHome = first.localAddresses().equals(before.localAddresses());
        final HostAddresses host = HostAddresses.now(rtnetlink);
        final long nowNs = clock.nanoTime();
        remember(host, nowNs);
        final Optional<Underlay> back = selecting.again(host, first);
        if (back.isPresent()) {
            final boolean isWell = hindrance(back.get()).isEmpty();
            if (isHome || isWell) {
                return settle(isWell ? withMissedFamily(selecting, host, back.get(), nowNs) : back.get(), nowNs);
            }
        }
        if (!isHome && !hasNewAddress(host, first.name())) {
            final Optional<Underlay> still = selecting.again(host, before);
            if (still.isPresent()) {
                return still.get();
            }
        }
        final LostAddresses lost = new LostAddresses(host, first);
        final Underlay found = select(selecting, host, before, lost);
        final Set<InetAddress> gained = new HashSet<>(found.localAddresses());
        gained.removeAll(first.localAddresses());
        if (gained.isEmpty()
                && found.localAddresses().size() < first.localAddresses().size()) {
            throw new StartupException("interface " + found.name() + " has lost an address of " + lost);
        }
        // All addresses are on another interface now, as on a bridge that was put above, or this one has got new ones.
        if (gained.isEmpty()
                || (found.name().equals(first.name()) && gained.stream().allMatch(this::isNew))) {
            return settle(found, nowNs);
        }
        if (isHome && nowNs - homeNs < PATIENCE_NS) {
            throw new StartupException("interface " + first.name() + " has lost an address of " + lost
                    + "; if it is not back within " + TimeUnit.NANOSECONDS.toSeconds(PATIENCE_NS) + " s, " + found
                    + " is used until it is");
        }
        return found;
    }

    /**
     * What is in use, or what a start would choose now that the interface has its first address of a family that was missing: that of
     * IPv6 may come from a router long after a daemon began at boot, and peers send to the one that the lease names. It is taken when it
     * has stayed for a while, since nothing goes back to one family.
     */
    private Underlay withMissedFamily(
            final UnderlaySelector selecting, final HostAddresses host, final Underlay present, final long nowNs) {
        final Set<InetAddress> missed = selecting.ofMissedFamily(host, present);
        missed.removeIf(address -> nowNs - seenNs.getOrDefault(address, nowNs) < PATIENCE_NS);
        if (missed.isEmpty()) {
            return present;
        }
        try {
            final Underlay found = selecting.select(host, present.localAddresses());
            final Set<InetAddress> gained = new HashSet<>(found.localAddresses());
            gained.removeAll(present.localAddresses());
            return found.name().equals(present.name()) && missed.containsAll(gained) ? found : present;
        } catch (final StartupException notYet) { // its route may still be missing
            return present;
        }
    }

    /** What is chosen now; where nothing can be, it is said what has been lost as well. */
    private static Underlay select(
            final UnderlaySelector selecting,
            final HostAddresses host,
            final Underlay before,
            final LostAddresses lost) {
        try {
            return selecting.select(host, before.localAddresses());
        } catch (final StartupException none) {
            final String words = lost.words();
            if (words.isEmpty()) {
                throw none;
            }
            final String all = none.getMessage() + ". Of what was chosen before, " + words;
            throw none instanceof NotYetException ? new NotYetException(all) : new StartupException(all, none);
        }
    }

    private Underlay settle(final Underlay chosen, final long nowNs) {
        home = chosen;
        homeNs = nowNs;
        return chosen;
    }

    private boolean hasNewAddress(final HostAddresses host, final String name) {
        return host.link(name).stream()
                .flatMap(link -> host.usable(link).stream())
                .anyMatch(this::isNew);
    }

    /** An address that came about when the home was lost, and not one that was beside it for long, as a virtual one is. */
    private boolean isNew(final InetAddress address) {
        return seenNs.getOrDefault(address, homeNs) - (homeNs - PATIENCE_NS) >= 0;
    }

    private void remember(final HostAddresses host, final long nowNs) {
        final Set<InetAddress> present =
                host.addresses().stream().map(InterfaceAddress::address).collect(Collectors.toSet());
        seenNs.keySet().retainAll(present);
        present.forEach(address -> seenNs.putIfAbsent(address, nowNs));
    }

    private String hindrance(final Underlay now) {
        final Optional<Link> link = rtnetlink.link(now.name());
        if (link.isEmpty() || !link.get().up()) {
            return "interface " + now.name() + " is down";
        }
        return link.get().carrier() ? "" : "interface " + now.name() + " has no carrier";
    }

    /** Why packets cannot be sent by it, as of the last look; empty when they can. */
    public String trouble() {
        return trouble;
    }
}
