/* SPDX-License-Identifier: Apache-2.0 */
/** weftd as a process: its start, its end, its log, and one node after the other. */
package io.weft.overlay.daemon;
