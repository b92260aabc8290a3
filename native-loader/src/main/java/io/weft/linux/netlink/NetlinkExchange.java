/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import static io.weft.linux.netlink.NetlinkMessage.NLMSG_DONE;
import static io.weft.linux.netlink.NetlinkMessage.NLMSG_ERROR;
import static io.weft.linux.netlink.NetlinkMessage.NLM_F_DUMP_INTR;

import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.NetlinkSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.agrona.BufferUtil;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.SystemNanoClock;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/** Requests and their answers: sequence numbers, acknowledgements, dumps and their repetition. */
final class NetlinkExchange {
    /** How often a dump is tried that changes interrupt. */
    static final int DUMP_TRIES = 5;

    /** A socket waits 5 s for one answer; a kernel that goes on answering has so long for all of it. */
    static final long DEADLINE_NS = TimeUnit.SECONDS.toNanos(30);

    /** The kernel makes dump datagrams of up to 32 KB; a single message may be longer, with many virtual functions. */
    private static final int RECEIVE_CAPACITY = 256 * 1024;

    /** Where requests go and answers come from; the methods are those of {@link io.weft.linux.NetlinkSocket}. */
    interface Transport {
        int send(UnsafeBuffer buffer, int length);

        int receive(UnsafeBuffer buffer);
    }

    private final Transport transport;
    private final NanoClock clock;
    private final UnsafeBuffer buffer =
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(RECEIVE_CAPACITY, Long.BYTES));
    private final NetlinkMessage message = new NetlinkMessage(buffer);
    private int sequence;

    /** Over a socket, which is not closed here. */
    static NetlinkExchange over(final NetlinkSocket socket) {
        return new NetlinkExchange(
                new Transport() {
                    @Override
                    public int send(final UnsafeBuffer buffer, final int length) {
                        return socket.send(buffer, length);
                    }

                    @Override
                    public int receive(final UnsafeBuffer buffer) {
                        return socket.receive(buffer);
                    }
                },
                SystemNanoClock.INSTANCE);
    }

    NetlinkExchange(final Transport transport, final NanoClock clock) {
        this.transport = transport;
        this.clock = clock;
    }

    /**
     * Sends a request that asks for an acknowledgement, and waits for it.
     *
     * @param tried the request in words, for the error's message.
     * @param request with {@link NetlinkMessage#NLM_F_ACK}.
     * @throws LinuxException with the kernel's error and its words.
     */
    void acknowledged(final String tried, final NetlinkRequest request) {
        answered(tried, request, answer -> null);
    }

    /**
     * Sends a request that asks for an acknowledgement, and collects the answers that come before it.
     *
     * @param tried the request in words, for the error's message.
     * @param request with {@link NetlinkMessage#NLM_F_ACK}.
     * @param decoder makes a record of an answer, or null of one that is of no interest.
     * @return the records.
     * @throws LinuxException with the kernel's error and its words.
     */
    <T> List<T> answered(
            final String tried, final NetlinkRequest request, final Function<NetlinkMessage, @Nullable T> decoder) {
        final List<T> records = new ArrayList<>();
        send(tried, request);
        receive(tried, NLMSG_ERROR, decoder, records);
        return records;
    }

    /**
     * Dumps a table. What is changed by others meanwhile may be missing or be there twice; the kernel tells of that, and the
     * dump is made again.
     *
     * @param tried the request in words, for the error's message.
     * @param request with {@link NetlinkMessage#NLM_F_DUMP}.
     * @param decoder makes a record of an answer, or null of one that is of no interest.
     * @return the records of one undisturbed dump.
     * @throws LinuxException with the kernel's error, or with {@link Errno#EINTR} if none of 5 dumps was undisturbed.
     */
    <T> List<T> dump(
            final String tried, final NetlinkRequest request, final Function<NetlinkMessage, @Nullable T> decoder) {
        return dumpWith(tried, request, () -> decoder);
    }

    /**
     * The same by a decoder that remembers what it has seen.
     *
     * @param decoders makes one for each try, since a dump that was disturbed is begun anew.
     */
    <T> List<T> dumpWith(
            final String tried,
            final NetlinkRequest request,
            final Supplier<Function<NetlinkMessage, @Nullable T>> decoders) {
        for (int i = 0; i < DUMP_TRIES; i++) {
            final List<T> records = new ArrayList<>();
            send(tried, request);
            if (!receive(tried, NLMSG_DONE, decoders.get(), records)) {
                return records;
            }
        }
        throw new LinuxException(
                tried,
                Errno.EINTR,
                "Something changed it during each of " + DUMP_TRIES + " attempts to read it: see 'ip monitor'");
    }

    private void send(final String tried, final NetlinkRequest request) {
        final int result = transport.send(request.finish(++sequence), request.length());
        if (result < 0) {
            throw new LinuxException(tried, -result);
        }
    }

    /** Receives up to the message that ends the answer; returns whether the dump was interrupted. */
    private <T> boolean receive(
            final String tried,
            final int endType,
            final Function<NetlinkMessage, @Nullable T> decoder,
            final List<T> records) {
        boolean interrupted = false;
        final long deadlineNs = clock.nanoTime() + DEADLINE_NS;
        while (true) {
            final int limit = transport.receive(buffer);
            if (limit < 0) {
                throw new LinuxException(tried, Errno.EAGAIN == -limit ? Errno.ETIMEDOUT : -limit);
            }
            if (deadlineNs - clock.nanoTime() < 0) {
                throw new LinuxException(
                        tried, Errno.ETIMEDOUT, "The answer was not whole after " + DEADLINE_NS / 1_000_000_000 + " s");
            }
            int next;
            for (int offset = 0; offset < limit; offset = next) {
                next = message.wrap(offset, limit);
                if (message.sequence() != sequence) {
                    continue; // the late end of an exchange that failed before its end
                }
                interrupted |= 0 != (message.flags() & NLM_F_DUMP_INTR);
                final int type = message.type();
                if (NLMSG_ERROR == type || NLMSG_DONE == type) {
                    failOnError(tried);
                    if (endType == type) {
                        return interrupted;
                    }
                    continue;
                }
                final T decoded = decoder.apply(message);
                if (null != decoded) {
                    records.add(decoded);
                }
            }
        }
    }

    private void failOnError(final String tried) {
        final int error = message.error();
        if (0 != error) {
            final String text = message.errorText();
            throw new LinuxException(tried, error, text.isEmpty() ? "" : "The kernel says: " + text);
        }
    }
}
