/* SPDX-License-Identifier: Apache-2.0 */
/** The thin CNI plugin. */
package io.weft.cni;
