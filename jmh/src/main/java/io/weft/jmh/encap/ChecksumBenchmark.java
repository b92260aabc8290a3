/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.jmh.encap;

import io.weft.encap.InternetChecksum;
import java.nio.ByteBuffer;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.UnsafeBuffer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** The internet checksum of a run of bytes in off-heap memory that is in the cache. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ChecksumBenchmark {
    /** Bytes: an IPv4 header, a small packet, a whole Ethernet payload, a superframe. */
    @Param({"20", "64", "1460", "64000"})
    public int length;

    /** From the start of memory that is aligned to 16 bytes; payloads begin anywhere. */
    @Param("2")
    public int offset;

    private UnsafeBuffer buffer = new UnsafeBuffer(0, 0);

    @Setup
    public void fill() {
        final byte[] bytes = new byte[length];
        new Random(1).nextBytes(bytes);
        buffer = new UnsafeBuffer(ByteBuffer.allocateDirect(offset + length));
        buffer.putBytes(offset, bytes);
    }

    @Benchmark
    public int fold() {
        return InternetChecksum.fold(InternetChecksum.sum(buffer, offset, length, 0));
    }
}
