/* SPDX-License-Identifier: Apache-2.0 */
/** A packet's way from the underlay to the host: receiver, ring, sender. */
package io.weft.dataplane.ingress;
