/* SPDX-License-Identifier: Apache-2.0 */
/** Whether peers answer, on the underlay and through the overlay, and packets of which length: for {@code weft ping}, and in the background. */
package io.weft.overlay.ping;
