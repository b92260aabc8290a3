/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.http;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Which of its addresses a server is called at, where its name has several: after one that failed the next has its turn. The JDK's
 * HTTP client knows of the first one alone. May be used by several threads.
 */
final class ServerAddresses {
    private final Function<String, List<InetAddress>> names;
    /** By host; none for one that is called at the first address of its name. */
    private final Map<String, InetAddress> called = new HashMap<>();

    /** @param names all addresses of a name; none for one that is not known. */
    ServerAddresses(final Function<String, List<InetAddress>> names) {
        this.names = names;
    }

    /**
     * Where to call a host; null for the first address of its name.
     *
     * @throws UnknownHostException when it is to be known, and is not.
     */
    @Nullable
    InetAddress of(final String host) throws UnknownHostException {
        final InetAddress address = get(host);
        if (null != address || !host.endsWith(".")) {
            return address;
        }
        // A name that ends with the root's dot is looked up as it stands, but the JDK's client takes none for TLS.
        final List<InetAddress> addresses = names.apply(host);
        if (addresses.isEmpty()) {
            throw new UnknownHostException(host);
        }
        put(host, addresses.get(0)); // as long as it answers, no name server need do
        return addresses.get(0);
    }

    private synchronized @Nullable InetAddress get(final String host) {
        return called.get(host);
    }

    /**
     * No connection came about: the next one has its turn.
     *
     * @param failed null for the first.
     * @return how many there are; 0 while no name server says so, which leaves all as it is.
     */
    int next(final String host, final @Nullable InetAddress failed) {
        final List<InetAddress> addresses = names.apply(host); // not under the lock: it may take long
        if (addresses.isEmpty()) {
            return 0;
        }
        final int turn = ((null == failed ? 0 : addresses.indexOf(failed)) + 1) % addresses.size();
        if (0 == turn) {
            forget(host);
        } else {
            put(host, addresses.get(turn));
        }
        return addresses.size();
    }

    private synchronized void put(final String host, final InetAddress address) {
        called.put(host, address);
    }

    /** The name may lead elsewhere by now. */
    synchronized void forget(final String host) {
        called.remove(host);
    }
}
