/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Results of ADD in the form of one version or another. From 0.3.0 to 1.1.0 one thing was taken away, {@code
 * ips[].version} with 1.0.0; what 1.1.0 added is optional, and older readers skip it. Those of 0.1.0 and 0.2.0 are of another form, and
 * alike: they are never made of others, since a delegate that speaks neither is not called.
 */
final class Results {
    private Results() {}

    /**
     * Fails for what is no result, so that it is not the next plugin of the chain, or the runtime, that stumbles over it.
     *
     * @param result of an ADD.
     * @param what it is, for the message.
     * @throws CniException code 6 with the key and value at fault.
     */
    static void check(final Map<String, @Nullable Object> result, final String what) throws CniException {
        checkObjects(result, "interfaces", "name", what);
        checkObjects(result, "ips", "address", what);
        checkObjects(result, "routes", "dst", what);
    }

    private static void checkObjects(
            final Map<String, @Nullable Object> result, final String key, final String member, final String what)
            throws CniException {
        final List<@Nullable Object> array = Json.asArray(result.get(key));
        boolean isRight = null == result.get(key) || null != array;
        for (int i = 0; isRight && null != array && i < array.size(); i++) {
            final Map<String, @Nullable Object> object = Json.asObject(array.get(i));
            isRight = null != object && object.get(member) instanceof String;
        }
        if (!isRight) {
            throw new CniException(
                    CniException.DECODING_FAILURE,
                    what + " has " + key + " " + Json.show(result.get(key)),
                    "allowed: an array of objects, each with a string \"" + member + "\"");
        }
    }

    /**
     * Rewrites a result, in place, to the form of another version.
     *
     * @param result of an ADD, or a prevResult.
     * @param version to speak.
     */
    static void convert(final Map<String, @Nullable Object> result, final SpecVersion version) {
        result.put(NetworkConfig.CNI_VERSION, version.text());
        final List<@Nullable Object> ips = Json.asArray(result.get("ips"));
        if (null == ips) {
            return;
        }
        for (final Object each : ips) {
            final Map<String, @Nullable Object> ip = Json.asObject(each);
            if (null != ip && version.isBefore(SpecVersion.V1_0_0)) {
                ip.put("version", isIpv6(ip.get("address")) ? "6" : "4");
            } else if (null != ip) {
                ip.remove("version");
            }
        }
    }

    /**
     * Gives each route without a gateway the one of its family, in place. So ADD does when it sets the routes (pkg/ipam
     * ConfigureIface), but CHECK compares with the routing table to the letter (pkg/ip ValidateExpectedRoute) and would
     * not find them.
     *
     * @param result of an ADD.
     */
    static void completeRoutes(final Map<String, @Nullable Object> result) {
        final List<@Nullable Object> routes = Json.asArray(result.get("routes"));
        final List<@Nullable Object> ips = Json.asArray(result.get("ips"));
        if (null == routes || null == ips) {
            return;
        }
        for (final Object each : routes) {
            final Map<String, @Nullable Object> route = Json.asObject(each);
            if (null == route || null != route.get("gw")) {
                continue;
            }
            for (final Object other : ips) {
                final Map<String, @Nullable Object> ip = Json.asObject(other);
                if (null != ip && null != ip.get("gateway") && isIpv6(ip.get("gateway")) == isIpv6(route.get("dst"))) {
                    route.put("gw", ip.get("gateway"));
                    break;
                }
            }
        }
    }

    private static boolean isIpv6(final @Nullable Object address) {
        return String.valueOf(address).indexOf(':') >= 0;
    }
}
