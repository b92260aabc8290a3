/* SPDX-License-Identifier: Apache-2.0 */
/** How a daemon starts, runs and is taken down: the control thread's loop, failures that end a start, undoing in order. */
package io.weft.overlay.lifecycle;
