/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Packets at one hook of the kernel's, and what is known of them there.
 *
 * @param hook of {@link Chain}.
 * @param device that the hook belongs to; empty where it is of the whole host.
 * @param facts all that the fields may be; a field that nothing is known of is not among them.
 */
record Stage(int hook, String device, Map<Field, List<KnownBits>> facts) {
    static final byte IPPROTO_ICMP = 1;
    static final byte IPPROTO_ICMPV6 = 58;

    private static final byte NFPROTO_IPV4 = 2;
    private static final byte NFPROTO_IPV6 = 10;
    private static final byte[] ETHERTYPE_IPV4 = {0x08, 0x00};
    private static final byte[] ETHERTYPE_IPV6 = {(byte) 0x86, (byte) 0xDD};
    private static final int NAME_LENGTH = 16; // IFNAMSIZ, include/uapi/linux/if.h

    /** Whether the kernel asks a chain there. */
    boolean asks(final Chain chain) {
        return hook == chain.hook()
                && (chain.devices().isEmpty() || chain.devices().contains(device));
    }

    /** What is known of all packets of an IP version. */
    static Map<Field, List<KnownBits>> of(final InetAddress any) {
        final boolean isIpv4 = any instanceof Inet4Address;
        final Map<Field, List<KnownBits>> facts = new EnumMap<>(Field.class);
        put(facts, Field.FAMILY, new byte[] {isIpv4 ? NFPROTO_IPV4 : NFPROTO_IPV6});
        put(facts, Field.ETHERTYPE, isIpv4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
        return facts;
    }

    /** The hooks that packets of which the same is known everywhere come to one after the other. */
    static List<Stage> all(final String device, final Map<Field, List<KnownBits>> facts, final int... hooks) {
        return IntStream.of(hooks)
                .mapToObj(hook -> new Stage(hook, device, facts))
                .toList();
    }

    /** Adds that they are of one type of ICMP, or of ICMPv6. */
    static void putIcmp(final Map<Field, List<KnownBits>> facts, final boolean isIpv4, final byte type) {
        put(facts, Field.PROTOCOL, new byte[] {isIpv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6});
        put(facts, Field.ICMP_TYPE, new byte[] {type});
    }

    /** Adds that a field has one value. */
    static void put(final Map<Field, List<KnownBits>> facts, final Field field, final byte[] value) {
        facts.put(field, List.of(KnownBits.all(value)));
    }

    /** Adds the device that packets come by; of none they come from this host, or it is not known yet. */
    static void putIn(final Map<Field, List<KnownBits>> facts, final String name, final int index) {
        put(facts, Field.IN_DEVICE_NAME, padded(name));
        put(facts, Field.IN_DEVICE_INDEX, nativeOrder(index));
    }

    /** Adds the device that they go by, in the same way. */
    static void putOut(final Map<Field, List<KnownBits>> facts, final String name, final int index) {
        put(facts, Field.OUT_DEVICE_NAME, padded(name));
        put(facts, Field.OUT_DEVICE_INDEX, nativeOrder(index));
    }

    private static byte[] padded(final String name) {
        return Arrays.copyOf(name.getBytes(US_ASCII), NAME_LENGTH);
    }

    static byte[] nativeOrder(final int value) {
        return ByteBuffer.allocate(Integer.BYTES)
                .order(ByteOrder.nativeOrder())
                .putInt(value)
                .array();
    }
}
