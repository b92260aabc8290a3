/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What an address is, everywhere but on the packet path, which has ints and longs: {@link io.weft.address.IpFamily},
 * {@link io.weft.address.IpAddress}, {@link io.weft.address.IpPrefix}, {@link io.weft.address.MacAddress}. All are
 * immutable, so any thread may use them; all read text strictly and print it in the one canonical form; none asks a name
 * service.
 *
 * <p>The CNI plugin, a process of milliseconds, uses this package, and weftd's start, which is an outage for pods: no regular
 * expressions, lambdas or streams here. {@code equals} and {@code hashCode} are written out, since a record's own are linked when
 * they are first called, at a cost of milliseconds each (JDK {@code java.lang.runtime.ObjectMethods}).
 */
package io.weft.address;
