/* SPDX-License-Identifier: Apache-2.0 */
/** Leases known before: what a registry said when it was last followed, kept on disk for a start without it. */
package io.weft.overlay.registry.known;
