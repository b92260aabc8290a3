/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.tls;

/**
 * What a server's certificate is looked at for.
 *
 * @param isSkipped nothing is: whoever answers is believed.
 * @param name that the certificate has to have, and that the server is asked for (SNI); empty for that in the URL.
 */
public record ServerCheck(boolean isSkipped, String name) {
    /** As everywhere. */
    public static final ServerCheck BY_URL = new ServerCheck(false, "");
}
