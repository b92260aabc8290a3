/* SPDX-License-Identifier: Apache-2.0 */
/** The swap-in for the overlay daemon: leases, registries, host contract, weftd and weft. */
package io.weft.overlay;
