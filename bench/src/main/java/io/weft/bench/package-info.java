/* SPDX-License-Identifier: Apache-2.0 */
/** Demo and end-to-end benchmarks against real peers in network namespaces. */
package io.weft.bench;
