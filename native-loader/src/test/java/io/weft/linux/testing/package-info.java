/* SPDX-License-Identifier: Apache-2.0 */
/** What tests stand on: network namespaces, whole node topologies, and waiting for a condition. */
package io.weft.linux.testing;
