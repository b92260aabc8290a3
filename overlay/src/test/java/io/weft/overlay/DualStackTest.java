/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

/** weftd receives by UDP sockets. */
class DualStackTest extends DualStackSuite {
    DualStackTest() {
        super("udp");
    }

    /** One difference that the kernel does not let weftd put right is no reason to leave the others as they are. */
    @Test
    void shouldRepairTheRoutesWhenAnAddressCannotBeRepaired() throws IOException {
        write(DUAL, false, lease(node, true), lease(peer, true));
        try (BackgroundProcess weftd = start(node)) {
            weftd.awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
            node.namespace().sysctl("net/ipv6/conf/weft-v6.1/disable_ipv6", 1);
            weftd.awaitOutput("The host is compared again every second", TIMEOUT_MS);
            node.namespace().ip("route", "delete", Topology.CLUSTER_NETWORK, "dev", "weft.1");
            Await.until(
                    weftd::output,
                    TIMEOUT_MS,
                    () -> node.namespace().ip("route").contains(Topology.CLUSTER_NETWORK + " dev weft.1"));
        }
    }
}
