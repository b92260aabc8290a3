/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.bench.lab.Node;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The leases of two nodes of a lab and of many others that are not there, by key as flannel writes them. */
final class Leases {
    /** Of other nodes, one of them real. */
    static final int COUNT = 10_000;

    static final String CONFIG = "{\"Network\":\"10.0.0.0/8\",\"Backend\":{\"Type\":\"vxlan\"}}";

    private final Map<String, String> values = new LinkedHashMap<>();

    Leases(final List<Node> nodes) {
        nodes.forEach(
                node -> values.put(node.subnet().replace('/', '-'), value(node.underlayAddress(), node.vtepMac())));
        for (int i = 0; i < COUNT - 1; i++) {
            values.put(key(i), value(i, 0));
        }
    }

    Map<String, String> values() {
        return values;
    }

    private static String value(final String publicIp, final String mac) {
        return "{\"PublicIP\":\"" + publicIp + "\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
                + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + mac + "\"}}";
    }

    /** The lease of an invented node after so many changes. */
    static String value(final int index, final int change) {
        return value(
                "172." + (16 + index / 250 / 250) + '.' + (index / 250 % 250) + '.' + (index % 250 + 1),
                mac(index, change));
    }

    static String mac(final int index, final int change) {
        return String.format("02:01:00:%02x:%02x:%02x", change, index >> 8, index & 0xff);
    }

    static String key(final int index) {
        return base(index) + "0-24";
    }

    /** The address of a pod of it. */
    static String pod(final int index) {
        return base(index) + "9";
    }

    private static String base(final int index) {
        return "10." + (index / 250) + '.' + (index % 250) + '.';
    }
}
