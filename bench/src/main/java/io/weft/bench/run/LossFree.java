/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import io.weft.bench.lab.Offload;

/** The highest rate at which a search lost no packet. */
public record LossFree(Pairing pairing, Offload offload, Measure measure, double packetsPerSecond) {}
