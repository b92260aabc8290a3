/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import java.util.List;

/**
 * What to do about refusals of etcd's JSON gateway (docs/decisions/0050-etcd-by-json-gateway.md) that its clients of gRPC never get,
 * where there is no gateway, and where etcd has no room left; etcd's own words name no remedy.
 */
final class EtcdRemedy {
    /** etcd embed/serve.go: with authentication on, who calls by the gateway must not be told by a certificate. */
    private static final String COMMON_NAME = "CommonName of client sending a request against gateway";

    /** The gateway calls its own etcd by TLS with the server's certificate, which is refused as a client's. */
    private static final List<String> BROKEN = List.of("broken pipe", "connection closed");

    /** What Go's HTTP server says of a path that nobody has asked for. */
    private static final String NO_GATEWAY = "404 page not found";

    /** etcd api/v3rpc/rpctypes/error.go, ErrGRPCNoSpace: the alarm NOSPACE stays until somebody disarms it. */
    private static final String NO_SPACE = "database space exceeded";

    private EtcdRemedy() {}

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
        if (answer.contains(NO_SPACE)) {
            return ". etcd has come to its quota and takes nothing new until there is room and its alarm is disarmed: etcdctl compact,"
                    + " etcdctl defrag, etcdctl alarm disarm; or a higher --quota-backend-bytes";
        }
        return BROKEN.stream().anyMatch(answer::contains)
                ? ". If etcd wants client certificates, its own must be one as well, for its JSON gateway calls it with that:"
                        + " extendedKeyUsage serverAuth and clientAuth"
                : "";
    }
}
