/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.lifecycle.StartupException;
import java.util.Optional;

/**
 * What becomes of the underlay interface while the node runs. A cable that is out, a network service that restarts, an
 * interface that is deleted and made anew: all of that is waited for, since the sockets stay bound to an address and send again
 * as soon as it is back. Used by the control thread alone.
 */
public final class UnderlayCheck {
    private static final System.Logger LOG = System.getLogger(UnderlayCheck.class.getName());

    private final Rtnetlink rtnetlink;
    private final UnderlaySelector selector;
    private Underlay inUse;
    private String trouble = "";

    /**
     * Begins with what the node was set up on.
     *
     * @param rtnetlink of the node's namespace.
     * @param selector that chose it.
     * @param inUse the interface as it was then.
     */
    public UnderlayCheck(final Rtnetlink rtnetlink, final UnderlaySelector selector, final Underlay inUse) {
        this.rtnetlink = rtnetlink;
        this.selector = selector;
        this.inUse = inUse;
    }

    /**
     * Looks at the interface.
     *
     * @return what it is now; what it was before while it is gone, is down, or has lost an address without getting another.
     */
    public Underlay compare() {
        String found;
        Underlay now = inUse;
        try {
            now = selector.selectAgain(inUse);
            found = hindrance(now);
        } catch (final StartupException | LinuxException gone) {
            found = String.valueOf(gone.getMessage());
        }
        if (!found.equals(trouble)) {
            trouble = found;
            if (found.isEmpty()) {
                LOG.log(INFO, "the underlay is back: {0}", now);
            } else {
                LOG.log(WARNING, "{0}. Packets are forwarded again as soon as the underlay is back", found);
            }
        }
        if (found.isEmpty()) {
            inUse = now;
        }
        return inUse;
    }

    private String hindrance(final Underlay now) {
        final boolean isSame = now.localAddresses().containsAll(inUse.localAddresses());
        final boolean isOther = !inUse.localAddresses().containsAll(now.localAddresses());
        if (!isSame && !isOther) {
            return "interface " + now.name() + " has lost an address of " + inUse;
        }
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
