/* SPDX-License-Identifier: Apache-2.0 */
/** The node: arenas, agents, queues, drop reasons, counters. */
package io.weft.dataplane;
