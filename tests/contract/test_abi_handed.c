/* SPDX-License-Identifier: Apache-2.0
 *
 * Structs that the library hands out to a callback: each states its size, also when it comes from a
 * store that was built against another version of the headers. test_headers.py holds the table to
 * the public headers, so that no struct can be forgotten.
 */
#include "sdk/core/str.h"
#include "tests/support/abi_caller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct seen {
    size_t bytes; /* that the item has to state */
    int count;
    bool has_last; /* AMPHI_HAS of its last field */
    amphi_str id;
} seen;

static void note(seen *s, size_t bytes, bool has_last)
{
    assert_int_equal(bytes, s->bytes);
    s->has_last = has_last;
    s->count++;
}

static void see_finding(void *user, const amphi_finding *item)
{
    note(user, item->struct_size, AMPHI_HAS(item, remedy));
}

static bool see_conversation(void *user, const amphi_history_conversation *item)
{
    assert_true(amphi__str_equal(item->id, AMPHI_STR("c")));
    note(user, item->struct_size, AMPHI_HAS(item, cursor));
    return true;
}

static bool see_message(void *user, const amphi_history_message *item)
{
    note(user, item->struct_size, AMPHI_HAS(item, content_is_json));
    return true;
}

static bool see_entry(void *user, const amphi_outbox_entry *item)
{
    assert_true(amphi__str_equal(item->id, AMPHI_STR("id")));
    note(user, item->struct_size, AMPHI_HAS(item, age_ms));
    return true;
}

static void show_findings(seen *s)
{
    amphi_client_options options;
    abi_fill_client_options(&options);
    assert_int_equal(amphi_doctor(&options, see_finding, s, NULL), AMPHI_OK);
}

static void show_conversations(seen *s)
{
    assert_int_equal(
        amphi_history_conversations(abi_fixture.client, see_conversation, s, NULL), AMPHI_OK);
}

static void show_messages(seen *s)
{
    assert_int_equal(
        amphi_history_messages(abi_fixture.client, AMPHI_STR("c"), see_message, s, NULL), AMPHI_OK);
}

static void show_outbox(seen *s)
{
    assert_int_equal(amphi_outbox_entries(abi_fixture.client, see_entry, s, NULL), AMPHI_OK);
}

static bool see_row(void *user, const amphi_store_row *row)
{
    note(user, row->struct_size, AMPHI_HAS(row, state));
    return true;
}

static void show_rows(seen *s)
{
    amphi_store store = abi_fixture.parts.store;
    amphi_store_row_query query;
    amphi_store_row_query_init(&query);
    query.conversation_id = AMPHI_STR("c");
    assert_int_equal(store.ops->rows(store.self, &query, see_row, s, NULL), AMPHI_OK);
}

static bool see_hit(void *user, const amphi_search_hit *hit)
{
    note(user, hit->struct_size, AMPHI_HAS(hit, matches_count));
    return true;
}

static void show_hits(seen *s)
{
    amphi_search_query query;
    amphi_search_query_init(&query);
    query.words = AMPHI_STR("h");
    assert_int_equal(amphi_history_search(abi_fixture.client, &query, see_hit, s, NULL), AMPHI_OK);
}

typedef struct handed_case {
    const char *name;
    size_t bytes;
    void (*show)(seen *s);
} handed_case;

#define HANDED(type, show)                                                                         \
    {                                                                                              \
#type, sizeof(type), show                                                                  \
    }
static const handed_case handed[] = {
    HANDED(amphi_finding, show_findings),
    HANDED(amphi_history_conversation, show_conversations),
    HANDED(amphi_history_message, show_messages),
    HANDED(amphi_outbox_entry, show_outbox),
    HANDED(amphi_store_row, show_rows),
    HANDED(amphi_search_hit, show_hits),
};

static void handed__out_with_its_size(void **state)
{
    for (size_t i = 0; i < sizeof handed / sizeof handed[0]; i++) {
        seen s = {.bytes = handed[i].bytes};
        handed[i].show(&s);
        if (s.count == 0 || !s.has_last)
            fail_msg("%s: %d items, the last field %d", handed[i].name, s.count, s.has_last);
    }
    amphi_finding old = {.struct_size = offsetof(amphi_finding, remedy)};
    assert_true(AMPHI_HAS(&old, text));
    assert_false(AMPHI_HAS(&old, remedy));
}

/* A store of another version: the memory store, whose items are cut off or have a tail. */
static amphi_store inner;
static size_t item_bytes;
static bool has_list; /* else it is of a version before the list */

static void *outer_version(const void *item, size_t bytes)
{
    unsigned char *version = abi_make_version(item, bytes, item_bytes);
    if (item_bytes > bytes)
        version[item_bytes - 1] = 1;
    return version;
}

typedef struct relay {
    void *visit;
    void *user;
} relay;

static bool relay_conversation(void *user, const amphi_history_conversation *item)
{
    const relay *to = user;
    void *version = outer_version(item, sizeof *item);
    bool go_on = ((amphi_history_conversation_fn *)to->visit)(to->user, version);
    free(version);
    return go_on;
}

static amphi_status outer_conversations(
    void *self, amphi_history_conversation_fn *visit, void *user, amphi_error *error)
{
    relay to = {(void *)visit, user};
    return inner.ops->conversations(inner.self, relay_conversation, &to, error);
}

static bool relay_row(void *user, const amphi_store_row *row)
{
    const relay *to = user;
    void *version = outer_version(row, sizeof *row);
    bool go_on = ((amphi_store_row_fn *)to->visit)(to->user, version);
    free(version);
    return go_on;
}

static amphi_status outer_rows(void *self, const amphi_store_row_query *query,
    amphi_store_row_fn *visit, void *user, amphi_error *error)
{
    relay to = {(void *)visit, user};
    return inner.ops->rows(inner.self, query, relay_row, &to, error);
}

static amphi_status outer_query(void *self, const amphi_history_query *query,
    amphi_history_conversation_fn *visit, void *user, amphi_error *error)
{
    relay to = {(void *)visit, user};
    return inner.ops->list(inner.self, query, relay_conversation, &to, error);
}

static bool relay_hit(void *user, const amphi_search_hit *hit)
{
    const relay *to = user;
    void *version = outer_version(hit, sizeof *hit);
    bool go_on = ((amphi_search_hit_fn *)to->visit)(to->user, version);
    free(version);
    return go_on;
}

static amphi_status outer_search(void *self, const amphi_search_query *query,
    amphi_search_hit_fn *visit, void *user, amphi_error *error)
{
    relay to = {(void *)visit, user};
    return inner.ops->search(inner.self, query, relay_hit, &to, error);
}

static bool relay_item(void *user, const amphi_store_outbox_item *item)
{
    const relay *to = user;
    void *version = outer_version(item, sizeof *item);
    bool go_on = ((amphi_store_outbox_fn *)to->visit)(to->user, version);
    free(version);
    return go_on;
}

static amphi_status outer_entries(
    void *self, amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    relay to = {(void *)visit, user};
    return inner.ops->outbox_entries(inner.self, relay_item, &to, error);
}

static bool relay_start(void *user, const amphi_store_start *start)
{
    const relay *to = user;
    void *version = outer_version(start, sizeof *start);
    bool go_on = ((amphi_store_start_fn *)to->visit)(to->user, version);
    free(version);
    return go_on;
}

static amphi_status outer_list(void *self, amphi_str fingerprint, int64_t since_ms,
    amphi_store_start_fn *visit, void *user, amphi_error *error)
{
    relay to = {(void *)visit, user};
    return inner.ops->ledger_list(inner.self, fingerprint, since_ms, relay_start, &to, error);
}

/* A client over that store; what the visitors see is of this library's version all the same. */
static void use_store_of(size_t bytes, void (*use)(void))
{
    chat_fixture f;
    amphi_store_ops ops = *inner.ops;
    ops.conversations = outer_conversations;
    ops.list = has_list ? outer_query : NULL;
    ops.outbox_entries = outer_entries;
    ops.rows = outer_rows;
    ops.search = outer_search;
    ops.ledger_list = outer_list;
    chat_fixture before = abi_fixture;
    item_bytes = bytes;
    chat_fixture_init(&f, says_hello, says_hello);
    amphi_store own = f.parts.store;
    f.parts.store = (amphi_store){&ops, inner.self};
    chat_fixture_start(&f, NULL);
    abi_fixture.client = f.client;
    use();
    abi_fixture.client = before.client;
    f.parts.store = own;
    chat_fixture_close(&f);
}

static void use_conversations(void)
{
    seen s = {.bytes = sizeof(amphi_history_conversation)};
    show_conversations(&s);
    assert_int_equal(s.count, 1);
}

static void use_messages(void)
{
    seen s = {.bytes = sizeof(amphi_history_message)};
    show_messages(&s);
    assert_int_equal(s.count, 2);
}

static void use_outbox(void)
{
    seen s = {.bytes = sizeof(amphi_outbox_entry)};
    show_outbox(&s);
    assert_int_equal(s.count, 1);
}

static void use_hits(void)
{
    seen s = {.bytes = sizeof(amphi_search_hit)};
    show_hits(&s);
    assert_true(s.count > 0);
}

static void use_ledger(void)
{
    amphi_chat_request request;
    abi_fill_request(&request);
    assert_int_equal(abi_call_chat_start(&request, NULL), AMPHI_OK);
    assert_int_equal(abi_call_explain(&request, NULL), AMPHI_OK);
}

static void handed__over_by_a_store_of_another_version(void **state)
{
    inner = abi_fixture.parts.store;
    for (size_t bytes = offsetof(amphi_history_conversation, updated_ms);
         bytes <= sizeof(amphi_history_conversation) + 8; bytes += 8) {
        has_list = !has_list;
        use_store_of(bytes, use_conversations);
    }
    for (size_t bytes = offsetof(amphi_store_outbox_item, conversation_id);
         bytes <= sizeof(amphi_store_outbox_item) + 8; bytes += 8)
        use_store_of(bytes, use_outbox);
    for (size_t bytes = offsetof(amphi_store_row, privacy); bytes <= sizeof(amphi_store_row) + 8;
         bytes += 8)
        use_store_of(bytes, use_messages);
    for (size_t bytes = offsetof(amphi_search_hit, conversation_id);
         bytes <= sizeof(amphi_search_hit) + 8; bytes += 8)
        use_store_of(bytes, use_hits);
    for (size_t bytes = 8; bytes <= sizeof(amphi_store_start) + 8; bytes += 8)
        use_store_of(bytes, use_ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handed__out_with_its_size),
        cmocka_unit_test(handed__over_by_a_store_of_another_version),
    };
    return cmocka_run_group_tests(tests, abi_set_up, abi_tear_down);
}
