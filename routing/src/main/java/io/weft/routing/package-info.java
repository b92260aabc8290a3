/* SPDX-License-Identifier: Apache-2.0 */
/** Where to: longest-prefix match, neighbour table, FDB, rewrite blocks, snapshots. */
package io.weft.routing;
