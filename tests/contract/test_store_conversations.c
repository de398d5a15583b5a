/* SPDX-License-Identifier: Apache-2.0
 *
 * What ext/store.h promises of lists, changes and erasures, tested over every store that this build
 * has.
 */
#include "sdk/core/str.h"
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- Listing and changing ---- */

typedef struct seen {
    char ids[2000]; /* one letter each */
    char cursor[80];
    char title[1100];
    amphi_history_conversation last;
} seen;

static bool see(void *user, const amphi_history_conversation *item)
{
    seen *s = user;
    strncat(s->ids, item->id.data, item->id.size);
    amphi__str_copy_to(s->cursor, sizeof s->cursor, item->cursor);
    amphi__str_copy_to(s->title, sizeof s->title, item->title);
    s->last = *item;
    return true;
}

static const char *list(store_fixture *f, seen *s, amphi_history_query query)
{
    amphi_error error;
    s->ids[0] = '\0';
    if (f->store.ops->list(f->store.self, &query, see, s, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return s->ids;
}

static amphi_history_query all(void)
{
    amphi_history_query query;
    amphi_history_query_init(&query);
    return query;
}

static void change(store_fixture *f, const char *id, const char *what, const char *title)
{
    amphi_store_change to;
    amphi_store_change_init(&to);
    to.conversation_id = amphi_str_from(id);
    to.sets_pinned = strchr(what, 'p') != NULL || strchr(what, 'P') != NULL;
    to.is_pinned = strchr(what, 'P') != NULL;
    to.sets_archived = strchr(what, 'a') != NULL || strchr(what, 'A') != NULL;
    to.is_archived = strchr(what, 'A') != NULL;
    to.sets_title = title != NULL;
    to.title = amphi_str_from(title);
    assert_int_equal(f->store.ops->change(f->store.self, &to, NULL), AMPHI_OK);
}

static const amphi_history_conversation *facts(store_fixture *f, seen *s, const char *id)
{
    amphi_history_query query = all();
    query.conversation_id = amphi_str_from(id);
    assert_string_equal(list(f, s, query), id);
    return &s->last;
}

static void list__the_pinned_come_first_and_the_archived_when_asked_for(void **state)
{
    store_fixture *f = *state;
    seen s;
    amphi_history_query query = all();
    for (const char *id = "abcde"; *id != '\0'; id++)
        store_say(f, (char[]){*id, '\0'}, NOW + *id, "user", S("q"));
    change(f, "b", "P", NULL);
    change(f, "d", "A", NULL);
    assert_string_equal(list(f, &s, query), "beca");
    query.with_archived = true;
    assert_string_equal(list(f, &s, query), "bedca");
    query.backwards = true;
    assert_string_equal(list(f, &s, query), "acdeb");
    change(f, "b", "p", NULL);
    change(f, "d", "a", NULL);
    assert_string_equal(list(f, &s, all()), "edcba");
    query = all();
    query.conversation_id = S("none");
    assert_int_equal(f->store.ops->list(f->store.self, &query, see, &s, NULL), AMPHI_E_NOT_FOUND);
}

static void list__pages_go_both_ways_also_when_their_border_is_gone(void **state)
{
    store_fixture *f = *state;
    seen s;
    char cursor[80];
    amphi_history_query query = all();
    for (int i = 0; i < 9; i++) /* some at the same time */
        store_say(f, (char[]){(char)('a' + i), '\0'}, NOW + i / 2, "user", S("q"));
    change(f, "c", "P", NULL);
    query.limit = 4;
    assert_string_equal(list(f, &s, query), "cihg");
    strcpy(cursor, s.cursor);
    query.cursor = amphi_str_from(cursor);
    assert_string_equal(list(f, &s, query), "fedb");
    assert_int_equal(f->store.ops->conversation_delete(f->store.self, S("g"), NULL), AMPHI_OK);
    assert_string_equal(list(f, &s, query), "fedb");
    query.backwards = true;
    assert_string_equal(list(f, &s, query), "hic");
    query.limit = 1;
    assert_string_equal(list(f, &s, query), "h");
    query.cursor = S("not a place");
    assert_int_equal(f->store.ops->list(f->store.self, &query, see, &s, NULL), AMPHI_E_ARGUMENT);
}

static void list__says_what_a_conversation_holds(void **state)
{
    store_fixture *f = *state;
    seen s;
    amphi_store_message message = {.role = S("user"), .content = S("secret")};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = NOW + 9,
        .conversation_id = S("c"),
        .messages = &message,
        .messages_count = 1,
        .privacy = AMPHI_PRIVACY_PRIVATE};
    store_say(f, "c", NOW, "user", S("hello"));
    const amphi_history_conversation *c = facts(f, &s, "c");
    assert_int_equal(c->privacy, AMPHI_PRIVACY_NONE);
    assert_int_equal(c->text_bytes, 5);
    assert_int_equal(f->store.ops->turn_append(f->store.self, &turn, NULL), AMPHI_OK);
    c = facts(f, &s, "c");
    assert_int_equal(c->privacy, AMPHI_PRIVACY_PRIVATE);
    assert_int_equal(c->text_bytes, 11);
    assert_int_equal(c->created_ms, NOW);
    assert_int_equal(c->updated_ms, NOW + 9);
    assert_int_equal(c->messages_count, 2);
    assert_false(c->title_is_own);
}

static void title__of_the_user_stays_and_can_be_given_back(void **state)
{
    store_fixture *f = *state;
    seen s;
    store_say(f, "c", NOW, "user", S("question"));
    change(f, "c", "", "Mine");
    store_say(f, "c", NOW + 1, "user", S("more"));
    assert_true(facts(f, &s, "c")->title_is_own);
    assert_string_equal(s.title, "Mine");
    change(f, "c", "", "");
    assert_false(facts(f, &s, "c")->title_is_own);
    assert_string_equal(s.title, "question");
    amphi_store_change to = {.struct_size = sizeof to, .conversation_id = S("no")};
    assert_int_equal(f->store.ops->change(f->store.self, &to, NULL), AMPHI_E_NOT_FOUND);
}

/* ---- Erasing ---- */

static amphi_history_receipt erase(
    store_fixture *f, amphi_store_erasure what, amphi_status expected)
{
    amphi_history_receipt receipt;
    amphi_history_receipt_init(&receipt);
    what.struct_size = sizeof what;
    what.now_ms = NOW;
    assert_int_equal(f->store.ops->erase(f->store.self, &what, &receipt, NULL), expected);
    return receipt;
}

/* A question and an answer that is also entry n of the response cache; value NULL: it came from
 * there. */
static amphi_status answer(
    store_fixture *f, const char *id, int n, const char *value, int64_t epoch)
{
    uint8_t key[AMPHI_CACHE_KEY_BYTES];
    store_cache_key(key, n);
    amphi_store_cache_entry entry = {.struct_size = sizeof entry,
        .key = key,
        .value = amphi_str_from(value),
        .expires_ms = NOW + DAY};
    amphi_store_message messages[] = {{.role = S("user"), .content = S("question")},
        {.role = S("assistant"), .content = S("answer")}};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = NOW,
        .conversation_id = amphi_str_from(id),
        .messages = messages,
        .messages_count = 2,
        .cached = &entry,
        .erasure_epoch = epoch};
    return f->store.ops->turn_append(f->store.self, &turn, NULL);
}

static void erase__a_conversation_goes_with_its_answers_in_the_cache(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    assert_int_equal(answer(f, "c", 1, "one", 0), AMPHI_OK);
    assert_int_equal(store_cache_put(f, 2, S("two"), NOW + DAY), AMPHI_OK);
    assert_int_equal(answer(f, "c", 2, NULL, 0), AMPHI_OK); /* had it from there */
    assert_int_equal(answer(f, "d", 3, "three", 0), AMPHI_OK);
    store_queue(f, "1", "c", NOW);
    amphi_history_receipt r = erase(f, (amphi_store_erasure){.conversation_id = S("c")}, AMPHI_OK);
    assert_int_equal(r.conversations_count, 1);
    assert_int_equal(r.messages_count, 4);
    assert_int_equal(r.cached_count, 2);
    assert_int_equal(r.outbox_count, 1);
    assert_int_equal(r.text_bytes, 2 * 14 + 6 + 7);
    assert_int_equal(r.erased_ms, NOW);
    assert_true(r.log_is_wiped);
    assert_int_equal(store_cache_get(f, 1, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(store_cache_get(f, 2, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(store_cache_get(f, 3, NOW, &t), AMPHI_OK);
    assert_string_equal(store_entries_of(f, &t), "");
    erase(f, (amphi_store_erasure){.conversation_id = S("c")}, AMPHI_E_NOT_FOUND);
}

static bool note_row(void *user, const amphi_store_row *row)
{
    int64_t *ids = user;
    ids[++ids[0]] = row->id;
    return true;
}

static void erase__a_message_goes_alone_and_the_rest_is_in_order(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    seen s;
    int64_t ids[8] = {0};
    amphi_store_row_query query = {.struct_size = sizeof query, .conversation_id = S("c")};
    store_say(f, "c", NOW, "user", S("first"));
    assert_int_equal(answer(f, "c", 1, "one", 0), AMPHI_OK);
    store_say(f, "c", NOW + 2, "user", S("last"));
    store_say(f, "d", NOW + 1, "user", S("other"));
    assert_int_equal(f->store.ops->rows(f->store.self, &query, note_row, ids, NULL), AMPHI_OK);
    amphi_store_erasure what = {.conversation_id = S("d"), .message_id = ids[1]};
    erase(f, what, AMPHI_E_NOT_FOUND); /* another conversation's */
    what.conversation_id = S("c");
    amphi_history_receipt r = erase(f, what, AMPHI_OK);
    assert_int_equal(r.messages_count, 1);
    assert_int_equal(r.cached_count, 1);
    assert_int_equal(r.conversations_count, 0);
    assert_string_equal(
        store_messages_of(f, "c", &t), "user:question@0\nassistant:answer@0\nuser:last@2\n");
    assert_int_equal(facts(f, &s, "c")->messages_count, 3);
    assert_string_equal(s.title, "question");
    assert_int_equal(s.last.text_bytes, 18);
    what.message_id = ids[4];
    erase(f, what, AMPHI_OK);
    assert_string_equal(list(f, &s, all()), "dc"); /* it was used last before */
    what.message_id = ids[2];
    erase(f, what, AMPHI_OK);
    assert_string_equal((facts(f, &s, "c"), s.title), "");
    what.message_id = ids[3];
    assert_int_equal(erase(f, what, AMPHI_OK).conversations_count, 1);
    assert_string_equal(list(f, &s, all()), "d");
}

static void erase__everything_leaves_settings_alone(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    seen s;
    assert_int_equal(answer(f, "c", 1, "one", 0), AMPHI_OK);
    assert_int_equal(answer(f, "d", 2, "two", 0), AMPHI_OK);
    assert_int_equal(store_cache_put(f, 3, S("three"), NOW + DAY), AMPHI_OK);
    store_queue(f, "1", "e", NOW);
    assert_int_equal(f->store.ops->setting_put(f->store.self, S("n"), S("v"), NULL), AMPHI_OK);
    amphi_history_receipt r = erase(f, (amphi_store_erasure){.everything = true}, AMPHI_OK);
    assert_int_equal(r.conversations_count, 2);
    assert_int_equal(r.messages_count, 4);
    assert_int_equal(r.cached_count, 3);
    assert_int_equal(r.outbox_count, 1);
    assert_string_equal(list(f, &s, all()), "");
    assert_string_equal(store_entries_of(f, &t), "");
    for (int n = 1; n <= 3; n++)
        assert_int_equal(store_cache_get(f, n, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(
        f->store.ops->setting_get(f->store.self, S("n"), store_see_value, &t, NULL), AMPHI_OK);
}

static int64_t epoch_of(store_fixture *f)
{
    int64_t epoch = 0;
    assert_int_equal(f->store.ops->erasure_epoch(f->store.self, &epoch, NULL), AMPHI_OK);
    return epoch;
}

static void erase__a_turn_that_began_before_does_not_come_back(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    seen s;
    int64_t before = epoch_of(f);
    assert_true(before > 0);
    store_say(f, "c", NOW, "user", S("q"));
    store_say(f, "d", NOW, "user", S("q"));
    erase(f, (amphi_store_erasure){.conversation_id = S("c")}, AMPHI_OK);
    int64_t after = epoch_of(f);
    assert_int_equal(answer(f, "c", 1, "one", before), AMPHI_E_NOT_FOUND);
    assert_int_equal(store_cache_get(f, 1, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(answer(f, "d", 2, "two", before), AMPHI_OK);
    assert_int_equal(answer(f, "c", 1, "one", after), AMPHI_OK);
    /* Nothing was there, but its first answer may be under way. */
    erase(f, (amphi_store_erasure){.conversation_id = S("new")}, AMPHI_E_NOT_FOUND);
    assert_int_equal(answer(f, "new", 3, "three", after), AMPHI_E_NOT_FOUND);
    after = epoch_of(f);
    erase(f, (amphi_store_erasure){.everything = true}, AMPHI_OK);
    assert_int_equal(answer(f, "d", 2, "two", after), AMPHI_E_NOT_FOUND);
    assert_int_equal(answer(f, "d", 2, "two", epoch_of(f)), AMPHI_OK);
    assert_string_equal(list(f, &s, all()), "d");
}

/* ---- Retention ---- */

static void retention__takes_what_is_old_in_small_steps_but_nothing_pinned(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    seen s;
    for (int i = 0; i < 5; i++) {
        store_say(f, "a", NOW + i, "user", S("q"));
        store_say(f, "p", NOW + i, "user", S("q"));
    }
    store_say(f, "b", NOW + 9, "user", S("q"));
    change(f, "p", "P", NULL);
    amphi_store_erasure what = {.before_ms = NOW + 3, .messages_max = 2};
    assert_int_equal(erase(f, what, AMPHI_OK).messages_count, 2);
    assert_int_equal(erase(f, what, AMPHI_OK).messages_count, 1);
    assert_int_equal(erase(f, what, AMPHI_OK).messages_count, 0);
    assert_string_equal(store_messages_of(f, "a", &t), "user:q@3\nuser:q@4\n");
    what = (amphi_store_erasure){.bytes_max = 2, .messages_max = 100};
    assert_int_equal(erase(f, what, AMPHI_OK).conversations_count, 1);
    assert_int_equal(erase(f, what, AMPHI_OK).messages_count, 0);
    assert_string_equal(list(f, &s, all()), "pb");
    what.messages_max = 0;
    erase(f, what, AMPHI_E_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_STORES(list__the_pinned_come_first_and_the_archived_when_asked_for),
        BOTH_STORES(list__pages_go_both_ways_also_when_their_border_is_gone),
        BOTH_STORES(list__says_what_a_conversation_holds),
        BOTH_STORES(title__of_the_user_stays_and_can_be_given_back),
        BOTH_STORES(erase__a_conversation_goes_with_its_answers_in_the_cache),
        BOTH_STORES(erase__a_message_goes_alone_and_the_rest_is_in_order),
        BOTH_STORES(erase__everything_leaves_settings_alone),
        BOTH_STORES(erase__a_turn_that_began_before_does_not_come_back),
        BOTH_STORES(retention__takes_what_is_old_in_small_steps_but_nothing_pinned),
    };
    return cmocka_run_group_tests_name("contract.store_conversations", tests, NULL, NULL);
}
