/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What an address is, everywhere but on the packet path, which has ints and longs: {@link io.weft.address.IpFamily},
 * {@link io.weft.address.IpAddress}, {@link io.weft.address.IpPrefix}, {@link io.weft.address.MacAddress}. All are
 * immutable, so any thread may use them; all read text strictly and print it in the one canonical form; none asks a name
 * service.
 *
 * <p>The CNI plugin, a process of milliseconds, uses this package: no regular expressions, lambdas or streams here, and
 * no {@code equals} of a record where text is read or printed.
 */
package io.weft.address;
