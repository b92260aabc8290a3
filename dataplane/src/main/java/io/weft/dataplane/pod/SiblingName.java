/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.pod;

import io.weft.linux.TunDevice;

/** Names of devices that belong to the pods' device, and are called after it. */
public final class SiblingName {
    private SiblingName() {}

    /** The name with the suffix; one that would be too long is cut, and told from others that begin alike by a hash. */
    public static String of(final String deviceName, final String suffix) {
        final int most = TunDevice.MAX_NAME_LENGTH - suffix.length();
        if (deviceName.length() <= most) {
            return deviceName + suffix;
        }
        final String hash = String.format("%04x", deviceName.hashCode() & 0xFFFF);
        return deviceName.substring(0, most - hash.length()) + hash + suffix;
    }
}
