/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.jmh.routing;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Writes the routes and the addresses of {@link LookupBenchmark} as files for {@code dpdk-test-fib -f -t}. */
public final class RoutesForDpdk {
    /** {@code dpdk-test-fib} goes over its addresses once, so it gets them several times, to find the caches warm. */
    private static final int PASSES = 4;

    private RoutesForDpdk() {}

    /** Arguments: the directory, and the names of the tables. */
    public static void main(final String[] args) throws IOException {
        final Path directory = Path.of(args[0]);
        for (int i = 1; i < args.length; i++) {
            final RouteMix table = RouteMix.valueOf(args[i]);
            final List<IpPrefix> prefixes = table.prefixes();
            try (PrintWriter routes = open(directory, table + ".routes")) {
                for (final IpPrefix prefix : prefixes) {
                    routes.println(prefix + " " + RouteMix.gateway(prefix));
                }
            }
            for (final RouteMix.Traffic traffic : RouteMix.Traffic.values()) {
                final IpAddress[] addresses = table.addresses(prefixes, traffic, LookupBenchmark.LOOKUPS);
                try (PrintWriter lookups = open(directory, table + "." + traffic)) {
                    for (int pass = 0; pass < PASSES; pass++) {
                        for (final IpAddress address : addresses) {
                            lookups.println(inputOfTestFib(address));
                        }
                    }
                }
            }
        }
    }

    /**
     * {@code dpdk-test-fib} 22.11 looks up an IPv4 address from a file without changing its byte order
     * (app/test-fib/main.c, parse_lookup), so that 1.2.3.4 asks for 4.3.2.1: the file has them reversed.
     */
    private static IpAddress inputOfTestFib(final IpAddress address) {
        return IpFamily.IPV4 == address.family() ? IpAddress.ofIpv4(Integer.reverseBytes(address.ipv4())) : address;
    }

    private static PrintWriter open(final Path directory, final String name) throws IOException {
        return new PrintWriter(Files.newBufferedWriter(directory.resolve(name), StandardCharsets.US_ASCII));
    }
}
