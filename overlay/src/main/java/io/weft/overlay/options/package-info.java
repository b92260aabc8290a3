/* SPDX-License-Identifier: Apache-2.0 */
/** The command line and the environment of weftd, and what they may say. */
package io.weft.overlay.options;
