/* SPDX-License-Identifier: Apache-2.0 */
/** The device that the host routes pods' packets to, and the ports that are its other side. */
package io.weft.dataplane.pod;
