/* SPDX-License-Identifier: Apache-2.0 */
/** What the daemon tells operators: health, metrics, and answers over its control socket. */
package io.weft.overlay.ops;
