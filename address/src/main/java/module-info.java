/* SPDX-License-Identifier: Apache-2.0 */
/** Address values. A module of its own, since the CNI plugin's runtime is linked from modules. */
module io.weft.address {
    requires static org.jspecify;

    exports io.weft.address;
}
