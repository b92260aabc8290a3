/* SPDX-License-Identifier: Apache-2.0 */
/** Agents on threads: how they wait, are woken and are told things by other threads. */
package io.weft.dataplane.agent;
