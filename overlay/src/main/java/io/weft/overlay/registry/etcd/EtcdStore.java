/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.UnavailableException;
import io.weft.overlay.registry.http.ChangeStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * flannel's keys in etcd: {@code <prefix>/config} and {@code <prefix>/subnets/<key>} (flannel pkg/subnet/etcd/registry.go).
 */
final class EtcdStore {
    /** Keys in one answer: 10 000 leases come in ten, and none is near etcd's limit for a message. */
    private static final int PAGE_LENGTH = 1000;

    private static final String RANGE = "/v3/kv/range";
    private static final String TRANSACTION = "/v3/kv/txn";

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

    /** Hears of keys as they are read, so that what is no lease is not kept. */
    interface Reader {
        /** A key with its value. */
        void entry(Entry entry) throws UnavailableException;

        /** A key whose value is too long to be read. */
        void tooLong(String name);
    }

    EtcdStore(final EtcdClient client, final String prefix) {
        this.client = client;
        configKey = EtcdEndpoints.key(prefix, "config");
        subnetsPrefix = EtcdEndpoints.key(prefix, "subnets") + '/';
    }

    String configKey() {
        return configKey;
    }

    /** The text of the network configuration; null when there is none. */
    byte @Nullable [] config() throws UnavailableException, InterruptedException {
        final List<JsonValue> kvs = kvs(client.call(RANGE, "{\"key\":\"" + EtcdClient.encode(configKey) + "\"}"));
        if (kvs.isEmpty()) {
            client.leaveEndpoint(); // it may be of a cluster that was named by mistake
            return null;
        }
        return EtcdClient.decode(kvs.get(0).member("value"));
    }

    private static List<JsonValue> kvs(final JsonValue answer) {
        final JsonValue kvs = answer.member("kvs");
        return null == kvs ? List.of() : kvs.elements();
    }

    /**
     * Reads all leases, as of one revision however many pages they come in.
     *
     * @return the revision.
     */
    long list(final Reader reader) throws UnavailableException, InterruptedException {
        String from = subnetsPrefix;
        long revision = 0;
        int pageLength = PAGE_LENGTH;
        while (true) {
            final JsonValue answer;
            final boolean isValueRead = pageLength > 0;
            try {
                answer = client.call(RANGE, page(from, revision, Math.max(1, pageLength), isValueRead));
            } catch (final TooLongException failure) {
                if (!isValueRead) {
                    throw failure;
                }
                pageLength /= 8; // down to one key, and then to its name alone
                continue;
            }
            if (0 == revision) {
                revision = EtcdClient.number(answer.required("header").member("revision"));
            }
            final List<JsonValue> kvs = kvs(answer);
            for (final JsonValue kv : kvs) {
                if (isValueRead) {
                    reader.entry(entry(kv));
                } else {
                    reader.tooLong(entry(kv).name());
                }
            }
            final JsonValue more = answer.member("more");
            if (null == more || !more.bool() || kvs.isEmpty()) {
                return revision;
            }
            from = subnetsPrefix + entry(kvs.get(kvs.size() - 1)).name() + '\0';
            pageLength = isValueRead ? pageLength : PAGE_LENGTH;
        }
    }

    private String page(final String from, final long revision, final int limit, final boolean isValueRead) {
        return "{\"key\":\"" + EtcdClient.encode(from) + "\",\"range_end\":\"" + rangeEnd() + "\",\"limit\":" + limit
                + ",\"revision\":" + revision + (isValueRead ? "" : ",\"keys_only\":true") + "}";
    }

    /** One lease; null when there is none. */
    @Nullable
    Entry get(final LeaseKey key) throws UnavailableException, InterruptedException {
        return get(key, 0);
    }

    /**
     * The same as it was.
     *
     * @param revision of etcd then; 0 for now.
     */
    @Nullable
    Entry get(final LeaseKey key, final long revision) throws UnavailableException, InterruptedException {
        final List<JsonValue> kvs = kvs(client.call(
                RANGE,
                "{\"key\":\"" + EtcdClient.encode(subnetsPrefix + key) + "\",\"revision\":\"" + revision + "\"}"));
        return kvs.isEmpty() ? null : entry(kvs.get(0));
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
    ChangeStream watch(final long startRevision) throws UnavailableException, InterruptedException {
        return client.open(
                "/v3/watch",
                "{\"create_request\":{\"key\":\"" + EtcdClient.encode(subnetsPrefix) + "\",\"range_end\":\""
                        + rangeEnd() + "\",\"start_revision\":\"" + startRevision
                        + "\",\"progress_notify\":true,\"fragment\":true}}");
    }

    /**
     * Writes a lease if nobody wrote it meanwhile.
     *
     * @param seenRevision the entry's modRevision as it was read; 0 for a key that must not exist.
     * @return false when somebody did.
     * @throws UnavailableException also when it may have been written, and the answer is lost.
     */
    boolean put(final LeaseKey key, final LeaseAttributes attributes, final long seenRevision, final long leaseId)
            throws UnavailableException, InterruptedException {
        final String put = "{\"request_put\":{\"key\":\"" + EtcdClient.encode(subnetsPrefix + key) + "\",\"value\":\""
                + EtcdClient.encode(attributes.json()) + "\",\"lease\":\"" + leaseId + "\"}}";
        final JsonValue succeeded =
                ifUnchanged(key.toString(), seenRevision, put).member("succeeded");
        return null != succeeded && succeeded.bool();
    }

    /** Deletes a lease, if it is still as it was read. */
    void delete(final Entry entry) throws UnavailableException, InterruptedException {
        ifUnchanged(
                entry.name(),
                entry.modRevision(),
                "{\"request_delete_range\":{\"key\":\"" + EtcdClient.encode(subnetsPrefix + entry.name()) + "\"}}");
    }

    private JsonValue ifUnchanged(final String name, final long seenRevision, final String operation)
            throws UnavailableException, InterruptedException {
        return client.call(
                TRANSACTION,
                "{\"compare\":[{\"key\":\"" + EtcdClient.encode(subnetsPrefix + name)
                        + "\",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":\"" + seenRevision
                        + "\"}],\"success\":[" + operation + "]}");
    }

    /**
     * Makes an etcd lease; what is written with it expires with it.
     *
     * @param id of the caller's choice: whoever asks again after a lost answer does not make a second one.
     */
    void grant(final long id, final long ttlSeconds) throws UnavailableException, InterruptedException {
        try {
            client.call("/v3/lease/grant", "{\"ID\":\"" + id + "\",\"TTL\":\"" + ttlSeconds + "\"}");
        } catch (final EtcdErrorException refused) {
            if (!refused.says("lease already exists")) {
                throw refused;
            }
        }
    }

    /**
     * Begins an etcd lease's time anew.
     *
     * @return the seconds that it has now; 0 when there is no such lease.
     */
    long keepAlive(final long id) throws UnavailableException, InterruptedException {
        final JsonValue result =
                client.call("/v3/lease/keepalive", "{\"ID\":\"" + id + "\"}").required("result");
        return EtcdClient.number(result.member("TTL"));
    }

    /** Gives an etcd lease back that nothing was written with. */
    void revoke(final long id) throws UnavailableException, InterruptedException {
        client.call("/v3/lease/revoke", "{\"ID\":\"" + id + "\"}");
    }

    /** The first key after all keys with the prefix: etcd's way to say "prefix" (clientv3 GetPrefixRangeEnd). */
    private String rangeEnd() {
        final int last = subnetsPrefix.length() - 1;
        return EtcdClient.encode(subnetsPrefix.substring(0, last) + (char) (subnetsPrefix.charAt(last) + 1));
    }
}
