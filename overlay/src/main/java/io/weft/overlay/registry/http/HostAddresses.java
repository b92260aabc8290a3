/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.http;

import io.weft.overlay.host.ProcessLimits;
import java.net.InetAddress;
import java.net.URI;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;

/** What the hosts of URLs are called on the wire. */
public final class HostAddresses {
    /** What to do about {@link #hasUnderscore}. */
    public static final String UNDERSCORE =
            "has a name with an underscore, which is none of a host (RFC 952) for Java's HTTP client: write an"
                    + " address, or another name for it in /etc/hosts";

    private static final long DEADLINE_MS = 1_000;
    /** An address as it stands in a URL, for which no name server is asked. */
    private static final Pattern ADDRESS = Pattern.compile("[0-9.]+|\\[.*]");

    private HostAddresses() {}

    /**
     * Whether a URL has no host, in Java's eyes, for an underscore in its name: Go calls such a name, as Docker gives them to containers.
     *
     * @param url without a host.
     */
    public static boolean hasUnderscore(final URI url) {
        final String authority = String.valueOf(url.getRawAuthority());
        return authority.indexOf('_') >= 0 && authority.indexOf('@') < 0;
    }

    /** The addresses of all hosts whose name is known at present; of others there are none. */
    public static Set<InetAddress> of(final Collection<URI> urls) {
        final Set<InetAddress> addresses = new HashSet<>();
        for (final URI url : urls) {
            if (null != url.getHost()) {
                addresses.addAll(of(url.getHost()));
            }
        }
        return addresses;
    }

    /**
     * All addresses of one host, in the order in which they are to be tried; none where nothing can be said of it at present. Asked on a
     * thread of its own, since nobody knows how long name servers take.
     */
    static List<InetAddress> of(final String host) {
        final FutureTask<List<InetAddress>> answer = new FutureTask<>(() -> List.of(InetAddress.getAllByName(host)));
        if (ADDRESS.matcher(host).matches()) {
            answer.run();
        } else {
            final Thread asker = new Thread(answer, "weft-names");
            asker.setDaemon(true);
            try {
                asker.start();
            } catch (final OutOfMemoryError noThread) {
                ProcessLimits.requireOfThreads(noThread);
                return List.of();
            }
        }
        try {
            return answer.get(DEADLINE_MS, TimeUnit.MILLISECONDS);
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
            return List.of();
        } catch (final ExecutionException | TimeoutException unknown) {
            return List.of(); // nothing can be said of it, and nobody reaches it either
        }
    }
}
