/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.encap.InternetChecksum;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.Ipv6Flyweight;
import io.weft.linux.IcmpSocket;
import io.weft.linux.LinuxException;
import io.weft.linux.Poller;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.CloseHelper;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Sends echo requests that may not be fragmented, and times the answers. Every Linux host answers them, whatever its overlay is.
 *
 * <pre>
 *  0      1      2          4          6          8                16          20
 * +------+------+----------+----------+----------+----------------+-----------+--------
 * | type | 0    | checksum | id       | sequence | nonce          | index     | zeros    RFC 792, RFC 4443 section 4.1
 * +------+------+----------+----------+----------+----------------+-----------+--------
 * </pre>
 *
 * Owned by one thread, in whose network namespace it is opened.
 */
final class EchoExchange implements AutoCloseable {
    /** There was no answer in time. All other negative results are negative errnos of the send. */
    static final long NO_ANSWER = Long.MIN_VALUE;

    private static final int ECHO = 8;
    private static final int ECHO_REPLY = 0;
    private static final int ICMPV6_ECHO = 128;
    private static final int ICMPV6_ECHO_REPLY = 129;

    private static final int TIME_EXCEEDED = 11;
    private static final int ICMPV6_TIME_EXCEEDED = 3;
    /** Of an error, behind which the packet is that it is about: RFC 792, RFC 4443. */
    private static final int ERROR_HEADER_LENGTH = 8;

    private static final int IHL_MASK = 0x0F;
    private static final int WORD_LENGTH = 4;

    static final int CHECKSUM_OFFSET = 2;
    private static final int ID_OFFSET = CHECKSUM_OFFSET + Short.BYTES;
    private static final int SEQUENCE_OFFSET = ID_OFFSET + Short.BYTES;
    private static final int NONCE_OFFSET = SEQUENCE_OFFSET + Short.BYTES;
    private static final int INDEX_OFFSET = NONCE_OFFSET + Long.BYTES;
    private static final int HEADER_LENGTH = INDEX_OFFSET + Integer.BYTES;

    private static final int BUFFER_LENGTH = 0x10000;
    /** That are looked at in a row: the socket gets all echo replies of the host. */
    private static final int MESSAGES_MAX = 256;

    /** An interrupt is seen so soon. */
    private static final long WAIT_MAX_NS = TimeUnit.MILLISECONDS.toNanos(100);

    /** How a question gets on its way. */
    interface Way {
        /**
         * Sends it.
         *
         * @param message of ICMP; the checksum of ICMPv6 is not in it.
         * @return a negative errno, or {@link #NO_ANSWER}, if it was not sent.
         */
        long send(EchoRequest request, UnsafeBuffer message, int length);

        /**
         * Whether what somebody says of it is the answer that was asked for.
         *
         * @param isError whether it is that it was to go too far, and no echo reply.
         */
        default boolean isAnswer(final EchoRequest request, final IpAddress sender, final boolean isError) {
            return !isError && sender.equals(request.to());
        }
    }

    private final IcmpSocket ipv4;
    private final @Nullable IcmpSocket ipv6;
    private final Poller poller = new Poller(2);
    private final long pauseNs;
    private final UnsafeBuffer sending = buffer();
    private final UnsafeBuffer receiving = buffer();

    private EchoExchange(final IcmpSocket ipv4, final @Nullable IcmpSocket ipv6, final int perSecond) {
        this.ipv4 = ipv4;
        this.ipv6 = ipv6;
        pauseNs = TimeUnit.SECONDS.toNanos(1) / perSecond;
    }

    private static UnsafeBuffer buffer() {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(BUFFER_LENGTH, BitUtil.CACHE_LINE_LENGTH));
    }

    /**
     * Opens it. A host without IPv6 has no peers of it.
     *
     * @param perSecond requests at most.
     * @throws LinuxException if the kernel refuses: CAP_NET_RAW is needed.
     */
    static EchoExchange open(final int perSecond) {
        final IcmpSocket ipv4 = open(IpFamily.IPV4, ECHO_REPLY, TIME_EXCEEDED);
        IcmpSocket ipv6 = null;
        try {
            ipv6 = open(IpFamily.IPV6, ICMPV6_ECHO_REPLY, ICMPV6_TIME_EXCEEDED);
        } catch (final LinuxException noIpv6) {
            // nothing is asked by it
        }
        return new EchoExchange(ipv4, ipv6, perSecond);
    }

    private static IcmpSocket open(final IpFamily family, final int... types) {
        final IcmpSocket socket = IcmpSocket.open(family, types);
        boolean isSet = false;
        try {
            socket.doNotFragment();
            isSet = true;
            return socket;
        } finally {
            if (!isSet) {
                socket.close();
            }
        }
    }

    /**
     * Puts all questions, and waits for the answers.
     *
     * @param timeoutNs that an answer may take.
     * @return for each question how long the answer took, in nanoseconds; {@link #NO_ANSWER}, or a negative errno.
     */
    long[] exchange(final List<EchoRequest> requests, final long timeoutNs, final Way way) throws InterruptedException {
        return exchange(requests, timeoutNs, way, 0);
    }

    /**
     * The same, more slowly.
     *
     * @param slowNs between two questions at least.
     */
    long[] exchange(final List<EchoRequest> requests, final long timeoutNs, final Way way, final long slowNs)
            throws InterruptedException {
        final long nonce = ThreadLocalRandom.current().nextLong();
        final long[] results = new long[requests.size()];
        final long[] sentNs = new long[requests.size()];
        Arrays.fill(results, NO_ANSWER);
        int next = 0;
        int open = 0;
        long dueNs = System.nanoTime();
        while (next < results.length || (open > 0 && System.nanoTime() - dueNs < timeoutNs)) {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            final long nowNs = System.nanoTime();
            if (next < results.length && nowNs - dueNs >= 0) {
                final long result = send(requests.get(next), next, nonce, way);
                sentNs[next] = nowNs;
                open += result < 0 ? 0 : 1;
                results[next] = result < 0 ? result : NO_ANSWER;
                next++;
                dueNs = nowNs + (next < results.length ? Math.max(pauseNs, slowNs) : 0);
            } else {
                await(next < results.length ? dueNs - nowNs : dueNs + timeoutNs - nowNs);
            }
            open -= receive(ipv4, requests, nonce, way, sentNs, results)
                    + receive(ipv6, requests, nonce, way, sentNs, results);
        }
        return results;
    }

    private void await(final long durationNs) {
        poller.set(0, ipv4.fd(), Poller.POLLIN);
        poller.set(1, null == ipv6 ? -1 : ipv6.fd(), Poller.POLLIN);
        poller.poll((int) TimeUnit.NANOSECONDS.toMillis(Math.max(0, Math.min(durationNs, WAIT_MAX_NS))) + 1);
    }

    /** The host's own way. */
    Way hosts() {
        return this::sendAsTheHost;
    }

    private long sendAsTheHost(final EchoRequest request, final UnsafeBuffer message, final int length) {
        final IcmpSocket socket = IpFamily.IPV4 == request.to().family() ? ipv4 : ipv6;
        return null == socket ? NO_ANSWER : socket.send(request.to(), message, length);
    }

    private long send(final EchoRequest request, final int index, final long nonce, final Way way) {
        final boolean isIpv4 = IpFamily.IPV4 == request.to().family();
        final int length =
                Math.max(HEADER_LENGTH, request.length() - (isIpv4 ? Ipv4Flyweight.MIN_LENGTH : Ipv6Flyweight.LENGTH));
        sending.setMemory(0, length, (byte) 0);
        sending.putByte(0, (byte) (isIpv4 ? ECHO : ICMPV6_ECHO));
        sending.putShort(ID_OFFSET, (short) nonce, BIG_ENDIAN);
        sending.putShort(SEQUENCE_OFFSET, (short) index, BIG_ENDIAN);
        sending.putLong(NONCE_OFFSET, nonce, BIG_ENDIAN);
        sending.putInt(INDEX_OFFSET, index, BIG_ENDIAN);
        if (isIpv4) { // that of ICMPv6 is the kernel's to put in
            InternetChecksum.put(sending, CHECKSUM_OFFSET, InternetChecksum.sum(sending, 0, length, 0));
        }
        return way.send(request, sending, length);
    }

    /** Takes the answers that are there; returns how many are new. */
    private int receive(
            final @Nullable IcmpSocket socket,
            final List<EchoRequest> requests,
            final long nonce,
            final Way way,
            final long[] sentNs,
            final long[] results) {
        int answers = 0;
        for (int message = 0; null != socket && message < MESSAGES_MAX; message++) {
            final int length = socket.receive(receiving);
            if (length < 0) {
                break;
            }
            final boolean isError = isError(socket);
            final int echo = isError ? refused(socket) : socket.offset();
            final int index = socket.offset() + length < echo + HEADER_LENGTH
                            || nonce != receiving.getLong(echo + NONCE_OFFSET, BIG_ENDIAN)
                    ? -1
                    : receiving.getInt(echo + INDEX_OFFSET, BIG_ENDIAN);
            if (index >= 0
                    && index < results.length
                    && NO_ANSWER == results[index]
                    && way.isAnswer(requests.get(index), socket.sender(), isError)) {
                results[index] = System.nanoTime() - sentNs[index];
                answers++;
            }
        }
        return answers;
    }

    private boolean isError(final IcmpSocket socket) {
        final byte type = receiving.getByte(socket.offset());
        return (socket == ipv4 ? TIME_EXCEEDED : ICMPV6_TIME_EXCEEDED) == type;
    }

    /** Where the message begins that an error is about. */
    private int refused(final IcmpSocket socket) {
        final int packet = socket.offset() + ERROR_HEADER_LENGTH;
        return packet + (socket == ipv4 ? (receiving.getByte(packet) & IHL_MASK) * WORD_LENGTH : Ipv6Flyweight.LENGTH);
    }

    @Override
    public void close() {
        CloseHelper.closeAll(ipv4, ipv6);
    }
}
