/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.jmh.routing;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import io.weft.routing.RoutingReader;
import io.weft.routing.RoutingSnapshot;
import io.weft.routing.RoutingTables;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Longest-prefix match in bursts of 64, as {@code dpdk-test-fib} does it; a million lookups per microsecond is Mlps. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 1, jvmArgsAppend = "-Xmx2g")
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@SuppressWarnings("NullAway.Init") // JMH sets the fields: @Param, then @Setup
public class LookupBenchmark {
    /** BURST_SZ of DPDK's app/test-fib/main.c. */
    static final int BURST = 64;

    static final int LOOKUPS = 1 << 20;

    @Param({"INTERNET4", "NODES4", "INTERNET6", "NODES6"})
    RouteMix table;

    @Param({"RANDOM", "ROUTED", "REPEATED"})
    RouteMix.Traffic traffic;

    private RoutingTables tables;
    private RoutingReader reader;
    private int[][] addresses;
    private long[][] highs;
    private long[][] lows;
    private final int[] nextHops = new int[BURST];

    /** Builds the table and the bursts. */
    @Setup
    public void setUp() {
        final List<IpPrefix> prefixes = table.prefixes();
        tables = RouteMix.tables(prefixes);
        tables.publish();
        reader = tables.newReader();
        addresses = new int[LOOKUPS / BURST][BURST];
        highs = new long[LOOKUPS / BURST][BURST];
        lows = new long[LOOKUPS / BURST][BURST];
        final IpAddress[] all = table.addresses(prefixes, traffic, LOOKUPS);
        for (int i = 0; i < LOOKUPS; i++) {
            addresses[i / BURST][i % BURST] = all[i].ipv4();
            highs[i / BURST][i % BURST] = all[i].high();
            lows[i / BURST][i % BURST] = all[i].low();
        }
    }

    /** Frees the tables. */
    @TearDown
    public void tearDown() {
        tables.close();
    }

    /** A batch at once, as the data plane does it. */
    @Benchmark
    @OperationsPerInvocation(LOOKUPS)
    public long bulk() {
        final RoutingSnapshot snapshot = reader.acquire();
        final long sum = IpFamily.IPV4 == table.family() ? bulk4(snapshot) : bulk6(snapshot);
        reader.release();
        return sum;
    }

    private long bulk4(final RoutingSnapshot snapshot) {
        long sum = 0;
        for (final int[] burst : addresses) {
            snapshot.lookup4(burst, nextHops, BURST);
            sum += nextHops[BURST - 1];
        }
        return sum;
    }

    private long bulk6(final RoutingSnapshot snapshot) {
        long sum = 0;
        for (int i = 0; i < highs.length; i++) {
            snapshot.lookup6(highs[i], lows[i], nextHops, BURST);
            sum += nextHops[BURST - 1];
        }
        return sum;
    }

    /** Each address waits for the one before: the latency of a lookup. */
    @Benchmark
    @OperationsPerInvocation(LOOKUPS)
    public long dependent() {
        final RoutingSnapshot snapshot = reader.acquire();
        final boolean narrow = IpFamily.IPV4 == table.family();
        int nextHop = 0;
        for (int i = 0; i < highs.length; i++) {
            for (int j = 0; j < BURST; j++) {
                // Zero, for no next hop is that large; but the next lookup cannot begin before it is known.
                final int wait = (nextHop + 1) >>> 31;
                nextHop = narrow
                        ? snapshot.lookup4(addresses[i][j] + wait)
                        : snapshot.lookup6(highs[i][j] + wait, lows[i][j]);
            }
        }
        reader.release();
        return nextHop;
    }
}
