/* SPDX-License-Identifier: Apache-2.0 */
/** A packet's way from the host to the underlay: receiver, ring, sender. */
package io.weft.dataplane.egress;
