/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/**
 * Where pods' packets come from the host and go to it, in frames of one framing: a queue of the host's device, or in a test
 * whatever stands for one.
 */
public interface PacketPort extends FrameSource, FrameSink {}
