/* SPDX-License-Identifier: Apache-2.0 */
/** What a packet goes through at the two ends of a tunnel: VXLAN, or the bare packet. */
package io.weft.dataplane.tunnel;
