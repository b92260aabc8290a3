/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

/**
 * What an administrator has written in the registry of the addresses that other nodes send to, as flags say it too.
 *
 * @param publicIp empty where nothing is written.
 * @param publicIpv6 the same for IPv6.
 */
public record PublicAddresses(String publicIp, String publicIpv6) {
    /** Nothing is written. */
    public static final PublicAddresses NONE = new PublicAddresses("", "");
}
