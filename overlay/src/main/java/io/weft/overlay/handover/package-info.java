/* SPDX-License-Identifier: Apache-2.0 */
/**
 * How a starting daemon takes the place of a running one without a gap: {@link io.weft.overlay.handover.Predecessor} is the side of the
 * one that starts, {@link io.weft.overlay.handover.HandoverServer} that of the one that runs (docs/decisions/0061-handover.md).
 */
package io.weft.overlay.handover;
