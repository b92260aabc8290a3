/* SPDX-License-Identifier: Apache-2.0 */
/** Linux by jnr-ffi: TUN, sockets, poll, eventfd, mmap, rtnetlink, feature probes. */
package io.weft.linux;
