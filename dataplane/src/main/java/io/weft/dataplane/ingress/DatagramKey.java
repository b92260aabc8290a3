/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

/**
 * What the fragments of one datagram have alike, beside the destination, which is this node.
 *
 * @param sourceHigh first half of the address.
 * @param sourceLow second half.
 * @param id identification.
 */
record DatagramKey(long sourceHigh, long sourceLow, int id) {}
