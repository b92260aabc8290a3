/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/** WireGuard between two nodes, by the kernel's device or by wireguard-go with a TUN. It encrypts, which no other data plane here does. */
final class WireGuard {
    private static final int PORT = 51820;

    /** Outer IPv4 (20), UDP (8), and WireGuard's header and tag (32), each packet padded to 16 bytes (wg-quick's 80 allow for IPv6). */
    private static final int OVERHEAD = 80;

    private static final long START_LIMIT_NS = TimeUnit.SECONDS.toNanos(30);
    private static final long POLL_INTERVAL_NS = TimeUnit.MILLISECONDS.toNanos(1);

    /** Where wireguard-go listens for {@code wg}, whatever network namespace it is in: so each device has a name of its own. */
    private static final Path SOCKETS = Path.of("/var/run/wireguard");

    private WireGuard() {}

    /** Makes the kernel's device. */
    static void startKernel(final Node node, final Node peer) {
        node.ip("link", "add", device(node), "type", "wireguard");
        configure(node, peer);
    }

    /**
     * Starts wireguard-go, which makes the device.
     *
     * @param started is given the process at once.
     */
    static void startUserspace(final Node node, final Node peer, final Path log, final Consumer<Process> started) {
        final Process process = Command.start(log.toFile(), node.inNode("wireguard-go", "--foreground", device(node)));
        started.accept(process);
        final Path socket = SOCKETS.resolve(device(node) + ".sock");
        final long deadlineNs = System.nanoTime() + START_LIMIT_NS;
        while (!Files.exists(socket)) {
            if (!process.isAlive() || System.nanoTime() > deadlineNs) {
                throw new Command.CommandException("wireguard-go does not listen on " + socket + "; its log: " + log);
            }
            LockSupport.parkNanos(POLL_INTERVAL_NS);
        }
        configure(node, peer);
    }

    /** At most 15 characters, and of this process alone. */
    private static String device(final Node node) {
        return "wg" + ProcessHandle.current().pid() + node.letter();
    }

    private static void configure(final Node node, final Node peer) {
        final String device = device(node);
        Command.run(node.inNode(
                "sh",
                "-c",
                "echo \"$1\" | wg set \"$2\" listen-port " + PORT + " private-key /dev/stdin"
                        + " peer \"$(echo \"$3\" | wg pubkey)\" allowed-ips \"$4\" endpoint \"$5\"",
                "sh",
                privateKey(node),
                device,
                privateKey(peer),
                peer.subnet(),
                peer.underlayAddress() + ":" + PORT));
        node.ip("link", "set", device, "mtu", String.valueOf(Node.UNDERLAY_MTU - OVERHEAD), "up");
        node.ip("addr", "add", node.vtepAddress() + "/32", "dev", device);
        node.ip("route", "add", peer.subnet(), "dev", device);
    }

    /** Any 32 bytes are a key; these protect nothing. */
    private static String privateKey(final Node node) {
        final byte[] key = new byte[32];
        key[0] = (byte) (8 * (node.index() + 1));
        key[31] = 0x40;
        return Base64.getEncoder().encodeToString(key);
    }
}
