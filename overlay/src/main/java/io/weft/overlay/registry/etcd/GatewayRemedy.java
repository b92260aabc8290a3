/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import java.util.List;

/**
 * What to do about refusals of etcd's JSON gateway (docs/decisions/0050-etcd-by-json-gateway.md) that its clients of gRPC never get, and
 * that name no remedy, and where there is no gateway.
 */
final class GatewayRemedy {
    /** etcd embed/serve.go: with authentication on, who calls by the gateway must not be told by a certificate. */
    private static final String COMMON_NAME = "CommonName of client sending a request against gateway";

    /** The gateway calls its own etcd by TLS with the server's certificate, which is refused as a client's. */
    private static final List<String> BROKEN = List.of("broken pipe", "connection closed");

    /** What Go's HTTP server says of a path that nobody has asked for. */
    private static final String NO_GATEWAY = "404 page not found";

    private GatewayRemedy() {}

    /** Behind what etcd said: empty where that is none of them. */
    static String of(final String answer) {
        if (NO_GATEWAY.equals(answer)) {
            return ". There is no JSON gateway, which weft calls in the place of gRPC: set enable-grpc-gateway: true in etcd's configuration"
                    + " file, without which older etcds that have one are without gateway, or leave --enable-grpc-gateway=false away; etcd's"
                    + " gRPC proxy has none, so name the members themselves; etcd before 3.4 has another";
        }
        if (answer.contains(COMMON_NAME)) {
            return ". With authentication on, etcd takes no client certificate that has a CommonName by its JSON gateway, which weft calls:"
                    + " give weft one without, and --etcd-username and --etcd-password";
        }
        return BROKEN.stream().anyMatch(answer::contains)
                ? ". If etcd wants client certificates, its own must be one as well, for its JSON gateway calls it with that:"
                        + " extendedKeyUsage serverAuth and clientAuth"
                : "";
    }
}
