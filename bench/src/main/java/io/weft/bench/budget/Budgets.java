/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import java.util.List;

/**
 * All budgets, and what takes their figures. A bound is about twice the ratio that was seen on a virtual machine with two cores
 * (AMD EPYC, Linux 6.18, OpenJDK 17) with other work on it; three or four times where both figures are short, and more for one change
 * among leases in etcd, beside a program that starts and ends. How far the ratios spread is known only where two are given. A bound is
 * to be changed with the reason in the commit, as a test is.
 */
public final class Budgets {
    private static final String JVM = "a JVM that does nothing";
    private static final String WITHOUT = "the same without";
    private static final String COPIED_MAP = "a HashMap of 10 000 copied";

    /** Seen: 8.0. */
    static final Budget START = new Budget("weftd, start to forwarding", Unit.SECONDS, JVM, 30);
    /** Seen: 9.1. */
    static final Budget RESUME = new Budget("weftd, forwards again after SIGKILL", Unit.SECONDS, JVM, 18);
    /** Seen: 5.0. */
    static final Budget COUNTERS = new Budget("weft counters", Unit.SECONDS, JVM, 10);
    /** Seen: 2.0 to 3.6. */
    static final Budget ROUTE_REPAIR =
            new Budget("route deleted by others, to repaired", Unit.SECONDS, "ip route replace", 8);
    /** Seen: 1.2. */
    static final Budget DEVICE_REPAIR = new Budget(
            "device deleted by others, to forwarding", Unit.SECONDS, "kernel VXLAN device made by ip, bridge", 4);

    /** Seen: 29, with the rehearsal, which goes on until its limit. */
    static final Budget FILE_READY = new Budget("10 000 leases in a file, start to ready", Unit.SECONDS, JVM, 60);
    /** Seen: 5.8 to 8.6: half of it is the quiet that the file registry waits for. */
    static final Budget FILE_CHANGE =
            new Budget("10 000 leases in a file, one changed to visible", Unit.SECONDS, "the file read by Jackson", 20);
    /** Seen: 4.8. */
    static final Budget FILE_PEAK = new Budget("10 000 leases in a file, peak memory", Unit.MEBIBYTES, JVM, 8);
    /** Seen: 46, likewise. */
    static final Budget ETCD_READY = new Budget("10 000 leases in etcd, start to ready", Unit.SECONDS, JVM, 90);
    /** Seen: 0.26. */
    static final Budget ETCD_CHANGE =
            new Budget("10 000 leases in etcd, one changed to visible", Unit.SECONDS, "etcdctl get", 2);
    /** Seen: 4.1. */
    static final Budget ETCD_PEAK = new Budget("10 000 leases in etcd, peak memory", Unit.MEBIBYTES, JVM, 8);

    /** Seen: 1.8. */
    static final Budget PUBLISH = new Budget("10 000 nodes published", Unit.SECONDS, "a TreeMap filled with 10 000", 5);
    /** Seen: 0.10. */
    static final Budget ROUTE_CHANGE =
            new Budget("one route among 10 000 nodes, to a reader", Unit.SECONDS, COPIED_MAP, 0.3);
    /** Seen: 0.94. */
    static final Budget FDB_CHANGE =
            new Budget("one FDB entry among 10 000 nodes, published", Unit.SECONDS, COPIED_MAP, 2.5);
    /** Seen: 0.67. */
    static final Budget INTERNET =
            new Budget("900 000 routes added and published", Unit.SECONDS, "a TreeMap filled with 900 000", 1.5);

    /** Seen: 1.0. */
    static final Budget ENCAPSULATION = new Budget("a packet's header work", Unit.SECONDS, "a copy of 1500 bytes", 2);

    /** Seen: 3.9 and 4.7 with other work on the machine, 13 and (JDK 25) 20 without: missed, for whole collections of some 50 ms. */
    static final Budget LATE_BESIDE_LEASES =
            new Budget("p99.9 of one way while 5 000 leases are read anew, and 100 change", Unit.SECONDS, WITHOUT, 10);
    /** Seen: 18, for whole collections of 30 to 50 ms; 5.5 by G1, with other work on the machine. */
    static final Budget LATE_BESIDE_ARRIVALS =
            new Budget("p99.9 of one way while 10 000 leases arrive, and go", Unit.SECONDS, WITHOUT, 35);
    /** Seen: 1.5, with other work on the machine. */
    static final Budget LATE_BESIDE_RULES = new Budget(
            "p99.9 of one way while 10 000 rules of the firewall are dumped once a second", Unit.SECONDS, WITHOUT, 10);
    /** Seen: 1.3, with other work on the machine. */
    static final Budget LATE_BESIDE_METRICS = new Budget(
            "p99.9 of one way while the metrics of a node with 5 000 peers are asked for", Unit.SECONDS, WITHOUT, 5);

    /** Seen: 1.03, of starts 1.01 to 1.11, with both nodes started at once on two processors. */
    static final Budget FIRST_SECOND =
            new Budget("a gigabit of TCP in the first second after ready", Unit.SECONDS, "in a later one", 1.15);

    /** Seen: 4.6. */
    static final Budget CNI_ADD = new Budget("weft-cni ADD", Unit.SECONDS, "Debian's bridge plugin ADD", 9);
    /** Seen: 2.4. */
    static final Budget CNI_DEL = new Budget("weft-cni DEL", Unit.SECONDS, "Debian's bridge plugin DEL", 6);

    private Budgets() {}

    /** What takes the figures of all budgets. */
    public static List<Trial> trials() {
        return List.of(
                new RoutingTrial(),
                new PacketTrial(),
                new StartTrial(),
                LeaseTrial.inFile(),
                LeaseTrial.inEtcd(),
                new PauseTrial(),
                new WarmthTrial(),
                new CniTrial());
    }
}
