/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.UnavailableException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * flannel's keys in etcd: {@code <prefix>/config} and {@code <prefix>/subnets/<key>} (flannel pkg/subnet/etcd/registry.go).
 */
final class EtcdStore {
    /** Keys in one answer: 10 000 leases come in ten, and none is near etcd's limit for a message. */
    private static final int PAGE_LENGTH = 1000;

    private final EtcdClient client;
    private final String configKey;
    private final String subnetsPrefix;

    /**
     * A key with its value.
     *
     * @param name the lease's key in flannel's form, still unchecked.
     * @param value the JSON text.
     * @param modRevision when it was last written.
     * @param leaseId etcd's lease that lets it expire; 0 for none.
     */
    record Entry(String name, String value, long modRevision, long leaseId) {}

    /**
     * All leases at one moment.
     *
     * @param entries the leases.
     * @param revision of etcd's store when it was read.
     */
    record Listing(List<Entry> entries, long revision) {}

    EtcdStore(final EtcdClient client, final String prefix) {
        this.client = client;
        configKey = prefix + "/config";
        subnetsPrefix = prefix + "/subnets/";
    }

    String configKey() {
        return configKey;
    }

    /** The text of the network configuration; null when there is none. */
    byte @Nullable [] config() throws UnavailableException, InterruptedException {
        final JsonValue answer = client.call("/v3/kv/range", "{\"key\":\"" + EtcdClient.encode(configKey) + "\"}");
        final JsonValue kvs = answer.member("kvs");
        return null == kvs ? null : EtcdClient.decode(kvs.elements().get(0).member("value"));
    }

    /** All leases, as of one revision however many pages they come in. */
    Listing list() throws UnavailableException, InterruptedException {
        final List<Entry> entries = new ArrayList<>();
        String from = subnetsPrefix;
        long revision = 0;
        while (true) {
            final JsonValue answer = client.call(
                    "/v3/kv/range",
                    "{\"key\":\"" + EtcdClient.encode(from) + "\",\"range_end\":\"" + rangeEnd() + "\",\"limit\":"
                            + PAGE_LENGTH + ",\"revision\":" + revision + "}");
            if (0 == revision) {
                revision = EtcdClient.number(answer.required("header").member("revision"));
            }
            final JsonValue kvs = answer.member("kvs");
            if (null != kvs) {
                kvs.elements().forEach(kv -> entries.add(entry(kv)));
            }
            final JsonValue more = answer.member("more");
            if (null == more || !more.bool()) {
                return new Listing(entries, revision);
            }
            from = subnetsPrefix + entries.get(entries.size() - 1).name() + '\0';
        }
    }

    /** An entry of an answer or an event. */
    Entry entry(final JsonValue kv) {
        final String key = new String(EtcdClient.decode(kv.member("key")), StandardCharsets.UTF_8);
        return new Entry(
                key.startsWith(subnetsPrefix) ? key.substring(subnetsPrefix.length()) : key,
                new String(EtcdClient.decode(kv.member("value")), StandardCharsets.UTF_8),
                EtcdClient.number(kv.member("mod_revision")),
                EtcdClient.number(kv.member("lease")));
    }

    /** A stream of changes of the leases, from a revision on. */
    InputStream watch(final long startRevision) throws UnavailableException, InterruptedException {
        return client.open(
                "/v3/watch",
                "{\"create_request\":{\"key\":\"" + EtcdClient.encode(subnetsPrefix) + "\",\"range_end\":\""
                        + rangeEnd() + "\",\"start_revision\":\"" + startRevision + "\"}}");
    }

    /**
     * Writes a lease if nobody wrote it meanwhile.
     *
     * @param seenRevision the entry's modRevision as it was read; 0 for a key that must not exist.
     * @return false when somebody did.
     */
    boolean put(final LeaseKey key, final LeaseAttributes attributes, final long seenRevision, final long leaseId)
            throws UnavailableException, InterruptedException {
        final String encoded = EtcdClient.encode(subnetsPrefix + key);
        final JsonValue answer = client.call(
                "/v3/kv/txn",
                "{\"compare\":[{\"key\":\"" + encoded + "\",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":\""
                        + seenRevision + "\"}],\"success\":[{\"request_put\":{\"key\":\"" + encoded + "\",\"value\":\""
                        + EtcdClient.encode(attributes.json()) + "\",\"lease\":\"" + leaseId + "\"}}]}");
        final JsonValue succeeded = answer.member("succeeded");
        return null != succeeded && succeeded.bool();
    }

    /** Deletes a lease, if it is still as it was read. */
    void delete(final Entry entry) throws UnavailableException, InterruptedException {
        final String encoded = EtcdClient.encode(subnetsPrefix + entry.name());
        client.call(
                "/v3/kv/txn",
                "{\"compare\":[{\"key\":\"" + encoded + "\",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":\""
                        + entry.modRevision() + "\"}],\"success\":[{\"request_delete_range\":{\"key\":\"" + encoded
                        + "\"}}]}");
    }

    /** A new etcd lease; what is written with it expires with it. */
    long grant(final long ttlSeconds) throws UnavailableException, InterruptedException {
        return EtcdClient.number(
                client.call("/v3/lease/grant", "{\"TTL\":" + ttlSeconds + "}").member("ID"));
    }

    /** Gives an etcd lease back that nothing was written with. */
    void revoke(final long leaseId) throws UnavailableException, InterruptedException {
        client.call("/v3/lease/revoke", "{\"ID\":\"" + leaseId + "\"}");
    }

    /** The first key after all keys with the prefix: etcd's way to say "prefix" (clientv3 GetPrefixRangeEnd). */
    private String rangeEnd() {
        final int last = subnetsPrefix.length() - 1;
        return EtcdClient.encode(subnetsPrefix.substring(0, last) + (char) (subnetsPrefix.charAt(last) + 1));
    }
}
