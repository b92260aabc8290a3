/* SPDX-License-Identifier: Apache-2.0 */
/** What is counted, why packets are dropped, and the mapped file that tells it. */
package io.weft.dataplane.counters;
