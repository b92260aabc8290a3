/* SPDX-License-Identifier: Apache-2.0 */
/** Packets of a running daemon, given to who asks for them: as pcapng, or their way in words. */
package io.weft.overlay.capture;
