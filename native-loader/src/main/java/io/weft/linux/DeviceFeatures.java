/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.ByteOrder.nativeOrder;
import static java.nio.charset.StandardCharsets.US_ASCII;

import io.weft.address.IpFamily;
import java.util.ArrayList;
import java.util.List;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Some offload features of a network device, by the names that {@code ethtool -k} has for them where they are its own, such as
 * {@code tx-udp_tnl-segmentation}. Sources: include/uapi/linux/ethtool.h, net/ethtool/common.c
 * ({@code netdev_features_strings}). Owned by one thread; asking again allocates nothing.
 *
 * <pre>
 *  struct ifreq                     struct ethtool_gfeatures
 *  0                16     24       0      4      8           12          16       20              24
 * +----------------+------+---     +------+------+-----------+-----------+--------+---------------+---
 * | name           | data |        | cmd  | size | available | requested | active | never changed | next 32 features
 * +----------------+------+---     +------+------+-----------+-----------+--------+---------------+---
 * </pre>
 */
public final class DeviceFeatures implements AutoCloseable {
    /** The device cuts, or carries on whole, a TCP or UDP superframe inside of a UDP tunnel. */
    public static final String TUNNEL_SEGMENTATION = "tx-udp_tnl-segmentation";

    /** The same where the outer UDP header has a checksum. */
    public static final String TUNNEL_CHECKSUM_SEGMENTATION = "tx-udp_tnl-csum-segmentation";

    private static final int SIOCETHTOOL = 0x8946;
    private static final int ETHTOOL_GSTRINGS = 0x1B;
    private static final int ETHTOOL_GSSET_INFO = 0x37;
    private static final int ETHTOOL_GFEATURES = 0x3A;
    private static final int ETHTOOL_SFEATURES = 0x3B;
    private static final int ETH_SS_FEATURES = 4;
    private static final int ETH_GSTRING_LEN = 32;

    private static final int IFREQ_DATA_OFFSET = 16;
    private static final int IFREQ_LENGTH = 40;

    // struct ethtool_sset_info: u32 cmd; u32 reserved; u64 mask; u32 data[]
    private static final int SET_MASK_OFFSET = 2 * Integer.BYTES;
    private static final int SET_COUNT_OFFSET = SET_MASK_OFFSET + Long.BYTES;

    // struct ethtool_gstrings: u32 cmd; u32 string_set; u32 len; u8 data[]
    private static final int STRINGS_SET_OFFSET = Integer.BYTES;
    private static final int STRINGS_COUNT_OFFSET = STRINGS_SET_OFFSET + Integer.BYTES;
    private static final int STRINGS_OFFSET = STRINGS_COUNT_OFFSET + Integer.BYTES;

    private static final int BLOCKS_OFFSET = 2 * Integer.BYTES;
    private static final int BLOCK_LENGTH = 4 * Integer.BYTES;
    private static final int ACTIVE_OFFSET = 2 * Integer.BYTES;

    // struct ethtool_sfeatures: the same, with two words for each block: which to change, and what to
    private static final int CHANGE_LENGTH = 2 * Integer.BYTES;

    private final String device;
    private final UdpSocket socket;
    private final UnsafeBuffer request = allocate(IFREQ_LENGTH);
    private final UnsafeBuffer features;
    private final int[] wanted;

    /**
     * Prepares to ask for features of a device in the calling thread's network namespace, which may come later.
     *
     * @param device its name.
     * @param names of the features.
     * @throws LinuxException if the kernel does not tell the names of its features, or not for this device.
     */
    public DeviceFeatures(final String device, final String... names) {
        this.device = device;
        request.putBytes(0, device.getBytes(US_ASCII));
        socket = UdpSocket.open(IpFamily.IPV4);
        try {
            final int count = count();
            wanted = positions(count, List.of(names));
            final int blocks = (count + Integer.SIZE - 1) / Integer.SIZE;
            features = allocate(BLOCKS_OFFSET + blocks * BLOCK_LENGTH);
            features.putInt(0, ETHTOOL_GFEATURES, nativeOrder());
            features.putInt(Integer.BYTES, blocks, nativeOrder());
        } catch (final LinuxException ex) {
            socket.close();
            throw ex;
        }
    }

    private int count() {
        final UnsafeBuffer info = allocate(SET_COUNT_OFFSET + Integer.BYTES);
        info.putInt(0, ETHTOOL_GSSET_INFO, nativeOrder());
        info.putLong(SET_MASK_OFFSET, 1L << ETH_SS_FEATURES, nativeOrder());
        require(ask(info));
        return info.getInt(SET_COUNT_OFFSET, nativeOrder());
    }

    private int[] positions(final int count, final List<String> names) {
        final UnsafeBuffer strings = allocate(STRINGS_OFFSET + count * ETH_GSTRING_LEN);
        strings.putInt(0, ETHTOOL_GSTRINGS, nativeOrder());
        strings.putInt(STRINGS_SET_OFFSET, ETH_SS_FEATURES, nativeOrder());
        strings.putInt(STRINGS_COUNT_OFFSET, count, nativeOrder());
        require(ask(strings));
        final List<String> known = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            known.add(name(strings, STRINGS_OFFSET + i * ETH_GSTRING_LEN));
        }
        return names.stream().mapToInt(known::indexOf).toArray();
    }

    private static String name(final UnsafeBuffer strings, final int offset) {
        final byte[] bytes = new byte[ETH_GSTRING_LEN];
        strings.getBytes(offset, bytes);
        final String padded = new String(bytes, US_ASCII);
        return padded.substring(0, padded.indexOf(0));
    }

    /** Whether all the features are on now; false also if this kernel does not know one, or the device is gone. */
    public boolean areActive() {
        if (!ask(features)) {
            return false;
        }
        boolean active = true;
        for (final int position : wanted) {
            active &= position >= 0
                    && 0
                            != (features.getInt(
                                            BLOCKS_OFFSET + position / Integer.SIZE * BLOCK_LENGTH + ACTIVE_OFFSET,
                                            nativeOrder())
                                    & (1 << position));
        }
        return active;
    }

    /**
     * Switches all of the features off; those that this kernel or device does not know are off already.
     *
     * @throws LinuxException if the kernel refuses: CAP_NET_ADMIN is needed.
     */
    public void switchOff() {
        final int blocks = features.getInt(Integer.BYTES, nativeOrder());
        final UnsafeBuffer change = allocate(BLOCKS_OFFSET + blocks * CHANGE_LENGTH);
        change.putInt(0, ETHTOOL_SFEATURES, nativeOrder());
        change.putInt(Integer.BYTES, blocks, nativeOrder());
        for (final int position : wanted) {
            if (position >= 0) {
                final int offset = BLOCKS_OFFSET + position / Integer.SIZE * CHANGE_LENGTH;
                change.putInt(offset, change.getInt(offset, nativeOrder()) | (1 << position), nativeOrder());
            }
        }
        if (!ask(change)) {
            throw new LinuxException("switch features of " + device + " off", Errno.last());
        }
    }

    private boolean ask(final UnsafeBuffer question) {
        request.putLong(IFREQ_DATA_OFFSET, question.addressOffset(), nativeOrder());
        return Libc.LIBC.ioctl(socket.fd(), SIOCETHTOOL, request.addressOffset()) >= 0;
    }

    private void require(final boolean answered) {
        if (!answered) {
            throw new LinuxException("ask for the features of " + device, Errno.last());
        }
    }

    @Override
    public void close() {
        socket.close();
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, Long.BYTES));
    }
}
