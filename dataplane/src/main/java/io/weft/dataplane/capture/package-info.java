/* SPDX-License-Identifier: Apache-2.0 */
/** Packets shown to whoever asks for them, on their way: nothing while nobody does. */
package io.weft.dataplane.capture;
