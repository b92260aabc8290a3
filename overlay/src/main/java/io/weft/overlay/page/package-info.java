/* SPDX-License-Identifier: Apache-2.0 */
/** The status page: what the commands of {@code weft} answer, for a browser. */
package io.weft.overlay.page;
