/* SPDX-License-Identifier: Apache-2.0 */
/** Generators, sinks and probes that run in the pods, and the outside tools iperf3, sockperf and ping. */
package io.weft.bench.traffic;
