/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import java.util.List;

/**
 * What to do about two refusals of etcd's JSON gateway (docs/decisions/0050-etcd-by-json-gateway.md) that its clients of gRPC never get, and
 * that name no remedy.
 */
final class GatewayRemedy {
    /** etcd embed/serve.go: with authentication on, who calls by the gateway must not be told by a certificate. */
    private static final String COMMON_NAME = "CommonName of client sending a request against gateway";

    /** The gateway calls its own etcd by TLS with the server's certificate, which is refused as a client's. */
    private static final List<String> BROKEN = List.of("broken pipe", "connection closed");

    private GatewayRemedy() {}

    /** Behind what etcd said: empty where that is none of the two. */
    static String of(final String answer) {
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
