/* SPDX-License-Identifier: Apache-2.0 */
/** Nodes and pods in network namespaces, joined by an underlay, and what forwards between them. */
package io.weft.bench.lab;
