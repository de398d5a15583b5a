/* SPDX-License-Identifier: Apache-2.0
 *
 * A setting per document, and one that lists their digests, the newest last. Two processes that
 * keep a document at the same moment may lose one from the list; the setting then stays for good,
 * which is two kilobytes.
 */
#include "sdk/client/decision_record.h"

#include "sdk/client/client.h"
#include "sdk/core/crypto.h"
#include "sdk/core/str.h"

#include <amphi/version.h>

#include <stdio.h>

#define LIST        "decided-policies"
#define NAME_PREFIX "decided-policy-"

enum { NAME_BYTES_MAX = sizeof NAME_PREFIX + AMPHI_POLICY_DIGEST_SIZE };
enum { LIST_BYTES_MAX = AMPHI_POLICIES_KEPT_MAX * AMPHI_POLICY_DIGEST_SIZE };

/* ---- Digests ---- */

static bool make_digest(const amphi_policy *policy, char out[AMPHI_POLICY_DIGEST_SIZE])
{
    uint8_t hash[32];
    amphi_buf document;
    amphi__buf_init(&document, 0);
    bool done = amphi__policy_to_json(policy, &document) == AMPHI_OK &&
                amphi__sha256(amphi__buf_str(&document), hash) == AMPHI_OK;
    if (done)
        amphi__hex(out, hash, (AMPHI_POLICY_DIGEST_SIZE - 1) / 2);
    amphi__buf_clear(&document);
    return done;
}

/* Of the last decision's document, or of this one from now on. */
static bool find_digest(
    amphi_client *client, const amphi_policy *policy, char out[AMPHI_POLICY_DIGEST_SIZE])
{
    amphi_decided_policy *last = &client->decided_policy;
    amphi__mutex_lock(&client->lock);
    /* Padding may differ: then the digest is made once more. */
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
    bool is_last = last->digest[0] != '\0' && memcmp(&last->policy, policy, sizeof *policy) == 0;
    if (is_last)
        memcpy(out, last->digest, sizeof last->digest);
    amphi__mutex_unlock(&client->lock);
    if (is_last)
        return true;
    if (!make_digest(policy, out))
        return false;
    amphi__mutex_lock(&client->lock);
    if (strcmp(last->digest, out) != 0)
        last->is_kept = false;
    last->policy = *policy;
    memcpy(last->digest, out, sizeof last->digest);
    amphi__mutex_unlock(&client->lock);
    return true;
}

void amphi__decision_record_write(amphi_client *client, const amphi_policy *policy,
    const amphi_policy_facts *facts, const amphi_preference *preference, amphi_buf *out)
{
    char digest[AMPHI_POLICY_DIGEST_SIZE];
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_str(&writer, "version", amphi_str_from(amphi_version()));
    if (find_digest(client, policy, digest))
        amphi__json_put_str(&writer, "policy", amphi_str_from(digest));
    amphi__decision_inputs_write(&writer, facts, preference);
    amphi__json_close(&writer, '}');
}

/* ---- Documents in the store ---- */

static void keep_value(void *user, amphi_str value)
{
    amphi__buf_append_str(user, value);
}

static void write_name(amphi_str digest, char out[NAME_BYTES_MAX])
{
    snprintf(out, NAME_BYTES_MAX, NAME_PREFIX "%.*s",
        digest.size < AMPHI_POLICY_DIGEST_SIZE ? (int)digest.size : 0, digest.data);
}

bool amphi__decision_record_find_policy(amphi_store store, amphi_str digest, amphi_buf *out)
{
    char name[NAME_BYTES_MAX];
    size_t before = out->size;
    write_name(digest, name);
    return digest.size > 0 &&
           store.ops->setting_get(store.self, amphi_str_from(name), keep_value, out, NULL) ==
               AMPHI_OK &&
           out->status == AMPHI_OK && out->size > before; /* an empty one was let go */
}

bool amphi__decision_record_visit_policies(
    amphi_store store, amphi_decided_policy_fn *visit, void *user)
{
    amphi_buf list;
    amphi_buf document;
    bool goes_on = true;
    amphi__buf_init(&list, 0);
    amphi__buf_init(&document, 0);
    (void)store.ops->setting_get(store.self, AMPHI_STR(LIST), keep_value, &list, NULL);
    amphi_str rest = amphi__buf_str(&list);
    while (rest.size > 0 && goes_on) {
        amphi_str digest = amphi__str_cut(rest, ' ', &rest);
        amphi__buf_reset(&document);
        if (amphi__decision_record_find_policy(store, digest, &document))
            goes_on = visit(user, digest, amphi__buf_str(&document));
    }
    amphi__buf_clear(&document);
    amphi__buf_clear(&list);
    return goes_on;
}

/* Adds a digest to the list; the oldest ones go with their documents. */
static amphi_status list_digest(amphi_store store, amphi_str digest)
{
    amphi_buf list;
    char name[NAME_BYTES_MAX];
    amphi__buf_init(&list, 0);
    (void)store.ops->setting_get(store.self, AMPHI_STR(LIST), keep_value, &list, NULL);
    while (list.size + digest.size >= LIST_BYTES_MAX) {
        amphi_str rest = amphi__buf_str(&list);
        write_name(amphi__str_cut(rest, ' ', &rest), name);
        (void)store.ops->setting_put(
            store.self, amphi_str_from(name), amphi_str_make(NULL, 0), NULL);
        amphi__buf_consume(&list, list.size - rest.size);
    }
    if (list.size > 0)
        amphi__buf_append_char(&list, ' ');
    amphi_status status = amphi__buf_append_str(&list, digest);
    if (status == AMPHI_OK)
        status = store.ops->setting_put(store.self, AMPHI_STR(LIST), amphi__buf_str(&list), NULL);
    amphi__buf_clear(&list);
    return status;
}

static bool keep(amphi_store store, const amphi_policy *policy, amphi_str digest)
{
    char name[NAME_BYTES_MAX];
    amphi_buf document;
    amphi__buf_init(&document, 0);
    bool is_kept = amphi__decision_record_find_policy(store, digest, &document);
    if (!is_kept && amphi__policy_to_json(policy, &document) == AMPHI_OK &&
        list_digest(store, digest) == AMPHI_OK) {
        write_name(digest, name);
        is_kept = store.ops->setting_put(store.self, amphi_str_from(name),
                      amphi__buf_str(&document), NULL) == AMPHI_OK;
    }
    amphi__buf_clear(&document);
    return is_kept;
}

void amphi__decision_record_keep_policy(amphi_client *client, const amphi_policy *policy)
{
    char digest[AMPHI_POLICY_DIGEST_SIZE];
    amphi_decided_policy *last = &client->decided_policy;
    if (!find_digest(client, policy, digest))
        return;
    amphi__mutex_lock(&client->lock);
    bool is_kept = last->is_kept && strcmp(last->digest, digest) == 0;
    amphi__mutex_unlock(&client->lock);
    if (is_kept || !keep(client->store, policy, amphi_str_from(digest)))
        return;
    amphi__mutex_lock(&client->lock);
    if (strcmp(last->digest, digest) == 0)
        last->is_kept = true;
    amphi__mutex_unlock(&client->lock);
}
