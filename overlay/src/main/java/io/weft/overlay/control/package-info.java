/* SPDX-License-Identifier: Apache-2.0 */
/** What a person may ask a running daemon. */
package io.weft.overlay.control;
