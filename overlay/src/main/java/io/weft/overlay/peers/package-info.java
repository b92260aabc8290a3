/* SPDX-License-Identifier: Apache-2.0 */
/** What the leases of other nodes make of this node's routes, neighbours and FDB. */
package io.weft.overlay.peers;
