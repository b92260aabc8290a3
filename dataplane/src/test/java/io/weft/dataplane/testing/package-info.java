/* SPDX-License-Identifier: Apache-2.0 */
/** What the tests of the data plane stand on: nodes, hosts, peers and packets. */
package io.weft.dataplane.testing;
