/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What to do about failures that a delegate names without a remedy, and that pass by no retry: the words stand in the pod's events.
 * Only the message tells them (containernetworking/plugins 1.1 to 1.9: plugins/main/bridge ensureAddr, plugins/ipam/host-local
 * allocator Get).
 */
final class Remedy {
    private static final String OTHER_ADDRESS = "\" already has an IP address different from ";
    private static final String NO_ADDRESS_LEFT = "no IP addresses available in range set: ";

    private Remedy() {}

    /**
     * What to do, in a sentence.
     *
     * @param message of the delegate.
     * @param configuration the delegate's, whole.
     * @return empty where none is known.
     */
    static String of(final String message, final Map<String, @Nullable Object> configuration) {
        final int end = message.indexOf(OTHER_ADDRESS);
        if (end > 0) {
            final String device = message.substring(message.lastIndexOf('"', end - 1) + 1, end);
            return "the node had another subnet before: \"ip address show " + device
                    + "\" tells the address of it, \"ip address delete ADDRESS dev " + device
                    + "\" takes it away; pods with addresses of it have to be made anew";
        }
        if (message.contains(NO_ADDRESS_LEFT) && HostLocal.isUsedBy(configuration)) {
            return "each that is taken is a file in " + HostLocal.directory(configuration)
                    + "/ with its container's ID: those of containers that the runtime has no more can be deleted";
        }
        return "";
    }
}
