/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import io.weft.address.IpAddress;

/**
 * One question.
 *
 * @param to whom it is put.
 * @param length of the IP packet that it is, in bytes.
 */
record EchoRequest(IpAddress to, int length) {}
