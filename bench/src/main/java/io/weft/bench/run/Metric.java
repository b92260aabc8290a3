/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import java.util.Locale;

/** A figure that a measurement gives. Its name in results is that of the constant in lower case. */
public enum Metric {
    GIGABITS_PER_SECOND("Gbit/s", 1, 2),
    RETRANSMITS("", 1, 0),
    SENT_PER_SECOND("kpps", 1e-3, 1),
    RECEIVED_PER_SECOND("kpps", 1e-3, 1),
    LOSS_PERCENT("%", 1, 1),
    /** Of the echoes that were asked for. */
    ANSWERED_PERCENT("% answered", 1, 1),

    /** Requests of 100 bytes, by the length of their answers. */
    ANSWERS_100B_PER_SECOND("k/s of 100 B", 1e-3, 1),
    ANSWERS_1KB_PER_SECOND("k/s of 1 kB", 1e-3, 1),
    ANSWERS_10KB_PER_SECOND("k/s of 10 kB", 1e-3, 1),
    CONNECTIONS_PER_SECOND("k/s", 1e-3, 2),
    P50_US("µs p50", 1, 1),
    P99_US("µs p99", 1, 1),
    P999_US("µs p99.9", 1, 1),

    /** Processor time of the whole machine: generators, both nodes, kernel. */
    CPU_SECONDS_PER_GIGABIT("CPU s/Gbit", 1, 3),
    CPU_SECONDS_PER_MILLION("CPU s/Mpkt", 1, 2),

    /** Processor time of the forwarding processes of both nodes. */
    DAEMON_SECONDS_PER_GIGABIT("daemon s/Gbit", 1, 3),
    DAEMON_SECONDS_PER_MILLION("daemon s/Mpkt", 1, 2),

    /** Of the forwarding processes of both nodes together, as /proc has it; of reads and writes, those that io_uring does are not among them. */
    DAEMON_PROCESSORS("processors", 1, 2),
    DAEMON_DEVICE_CALLS_PER_SECOND("reads and writes/s", 1, 0),
    DAEMON_WAITS_PER_SECOND("waits/s", 1, 0),

    /** Of those that keep counters, weftd and the baseline: all calls that are told apart below, and bytes copied. */
    DAEMON_CALLS_PER_SECOND("calls/s", 1, 0),
    COPIED_BYTES_PER_SECOND("B/s", 1, 0),

    /** What was {@link Carried} in a second, and what both daemons did for each of it. */
    CARRIED_PER_SECOND("carried/s", 1, 0),
    READS_PER_CARRIED("reads", 1, 2),
    WRITES_PER_CARRIED("writes", 1, 2),
    SENDS_PER_CARRIED("sends", 1, 2),
    RECEIVES_PER_CARRIED("receives", 1, 2),
    POLLS_PER_CARRIED("polls", 1, 2),
    YIELDS_PER_CARRIED("yields", 1, 2),
    WAKE_UPS_PER_CARRIED("wake-ups", 1, 2),
    COPIED_BYTES_PER_CARRIED("KB copied", 1e-3, 2),

    /** What both daemons' JVMs allocated, all threads, for each packet received. */
    ALLOCATED_BYTES_PER_PACKET("B/packet", 1, 2);

    private final String unit;
    private final double scale;
    private final int digits;

    Metric(final String unit, final double scale, final int digits) {
        this.unit = unit;
        this.scale = scale;
        this.digits = digits;
    }

    /** The unit in which people read it. */
    public String unit() {
        return unit;
    }

    /** A value in that unit. */
    public double scaled(final double value) {
        return value * scale;
    }

    /** A value in that unit, as text without the unit; a dash for NaN, which a sample gives for what it has not. */
    public String format(final double value) {
        return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%." + digits + "f", scaled(value));
    }

    /** Whether less of it is better, as of all that is waited for. */
    public boolean isDelay() {
        return P50_US == this || P99_US == this || P999_US == this;
    }

    /** The key in results. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}
