/* SPDX-License-Identifier: Apache-2.0 */
/** What the daemon needs of its host, and leaves on it: privileges, interface, device, routes, rules, subnet.env. */
package io.weft.overlay.host;
