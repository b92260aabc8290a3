/* SPDX-License-Identifier: Apache-2.0 */
/** The sockets and the offload device of a node on the underlay, as their owner opens and steers them. */
package io.weft.dataplane.underlay;
