/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.handover;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What a daemon says of itself before anything is handed over: lines of a key, {@code =}, and a value, in which a line's end is
 * written as a space. A key that one side does not know is passed over.
 */
public final class Description {
    /** The process, for people. */
    public static final String PID = "pid";

    public static final String VERSION = "version";
    /** Inode of the network namespace that its devices are in. */
    static final String NAMESPACE = "network namespace";

    public static final String IDENTITY = "identity";
    /** {@link Identity#instance} of this one, and of those that it has the place from, apart by spaces. */
    public static final String INSTANCE = "instance";

    public static final String FORMER = "former instances";
    public static final String BACKEND = "backend";
    public static final String VNI = "VNI";
    public static final String PORT = "port";
    public static final String NETWORK = "network";
    public static final String DEVICES = "devices";
    public static final String WORKERS = "workers";
    public static final String POD_PORT = "pod port";
    public static final String UNDERLAY_PORT = "underlay port";
    public static final String UNDERLAY = "underlay";
    public static final String LEASE = "own lease";
    public static final String HEALTH = "health address";
    public static final String STATUS_PAGE = "status page";
    public static final String SUBNET_FILE = "subnet file";

    /** What an operator has to want by {@code --replace}. */
    private static final List<String> CONSENT = List.of(IDENTITY, BACKEND, VNI, PORT);
    /** What has to be the same for devices and sockets to be of use to another. */
    private static final List<String> SHAPE =
            List.of(NAMESPACE, BACKEND, VNI, PORT, NETWORK, DEVICES, WORKERS, POD_PORT, UNDERLAY_PORT, UNDERLAY, LEASE);

    private final Map<String, String> values = new LinkedHashMap<>();

    /** Says something; the last value of a key counts. */
    public Description put(final String key, final Object value) {
        values.put(key, value.toString().replace('\n', ' ').strip());
        return this;
    }

    /** What was said; empty if nothing was. */
    public String get(final String key) {
        return values.getOrDefault(key, "");
    }

    /** Instances that the daemon has the place from. */
    List<String> former() {
        return Arrays.stream(get(FORMER).split(" ", -1))
                .filter(instance -> !instance.isEmpty())
                .toList();
    }

    /** What differs of {@code other}, in words, as far as an operator has to want it. */
    List<String> refusals(final Description other) {
        return differences(other, CONSENT);
    }

    /** What differs of {@code other}, in words, as far as its devices and sockets are of no use here. */
    List<String> misfits(final Description other) {
        return differences(other, SHAPE);
    }

    private List<String> differences(final Description other, final List<String> keys) {
        final List<String> differences = new ArrayList<>();
        for (final String key : keys) {
            if (!Objects.equals(get(key), other.get(key))) {
                differences.add(key + " '" + other.get(key) + "' and not '" + get(key) + "'");
            }
        }
        return differences;
    }

    /** Lines that {@link #parse} takes. */
    String text() {
        final StringBuilder text = new StringBuilder();
        values.forEach(
                (key, value) -> text.append(key).append('=').append(value).append('\n'));
        return text.toString();
    }

    /** Reads lines; those without a key are passed over. */
    static Description parse(final String text) {
        final Description description = new Description();
        text.lines().forEach(line -> {
            final int end = line.indexOf('=');
            if (end > 0) {
                description.put(line.substring(0, end), line.substring(end + 1));
            }
        });
        return description;
    }
}
