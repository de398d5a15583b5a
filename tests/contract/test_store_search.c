/* SPDX-License-Identifier: Apache-2.0
 *
 * What ext/store.h promises of the search, tested over every store that this build has.
 */
#include "sdk/core/str.h"
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct found {
    char text[20000]; /* "conversation:snippet with [matches]", a line each */
    size_t size;
    int count;
    int64_t last_id;
    bool is_descending;
} found;

static bool see_hit(void *user, const amphi_search_hit *hit)
{
    found *f = user;
    size_t at = 0;
    f->is_descending = f->is_descending && hit->message_id < f->last_id;
    f->last_id = hit->message_id;
    f->count++;
    f->size += (size_t)snprintf(f->text + f->size, sizeof f->text - f->size,
        "%.*s:", (int)hit->conversation_id.size, hit->conversation_id.data);
    for (size_t i = 0; i < hit->matches_count; i++) {
        assert_true(hit->matches[i].offset >= at && hit->matches[i].size > 0);
        assert_true(hit->matches[i].offset + hit->matches[i].size <= hit->snippet.size);
        f->size += (size_t)snprintf(f->text + f->size, sizeof f->text - f->size, "%.*s[%.*s]",
            (int)(hit->matches[i].offset - at), hit->snippet.data + at, (int)hit->matches[i].size,
            hit->snippet.data + hit->matches[i].offset);
        at = hit->matches[i].offset + hit->matches[i].size;
    }
    f->size += (size_t)snprintf(f->text + f->size, sizeof f->text - f->size, "%.*s\n",
        (int)(hit->snippet.size - at), hit->snippet.data + at);
    return true;
}

static amphi_status search(store_fixture *f, found *out, amphi_search_query query)
{
    memset(out, 0, sizeof *out);
    out->last_id = INT64_MAX;
    out->is_descending = true;
    return f->store.ops->search(f->store.self, &query, see_hit, out, NULL);
}

static amphi_search_query query_for(const char *words)
{
    amphi_search_query query;
    amphi_search_query_init(&query);
    query.words = amphi_str_from(words);
    return query;
}

static const char *hits_of(store_fixture *f, found *out, const char *words)
{
    assert_int_equal(search(f, out, query_for(words)), AMPHI_OK);
    assert_true(out->is_descending);
    return out->text;
}

static void say(store_fixture *f, const char *conversation, const char *content)
{
    assert_int_equal(store_say(f, conversation, NOW, "user", amphi_str_from(content)), AMPHI_OK);
}

static void search__finds_words_of_any_language(void **state)
{
    store_fixture *f = *state;
    found t;
    say(f, "a",
        "The Caf\xc3\xa9 in Stra\xc3\x9f"
        "burg opens at nine");
    say(f, "b", "北京的天气怎么样？");
    say(f, "c", "где находится Москва");
    say(f, "d", "a cafeteria, and a CAFE");
    assert_string_equal(hits_of(f, &t, "\"cafe\""),
        "d:a cafeteria, and a [CAFE]\na:The [Caf\xc3\xa9] in Stra\xc3\x9f"
        "burg opens at nine\n");
    assert_string_equal(hits_of(f, &t, "cafet"), "d:a [cafet]eria, and a CAFE\n");
    assert_string_equal(hits_of(f, &t, "strassburg nine"), "a:The Caf\xc3\xa9 in [Stra\xc3\x9f"
                                                           "burg] opens at [nine]\n");
    assert_string_equal(hits_of(f, &t, "天气"), "b:北京的[天气]怎么样？\n");
    assert_string_equal(hits_of(f, &t, "样"), "b:北京的天气怎么[样]？\n");
    assert_string_equal(hits_of(f, &t, "МОСКВА"), "c:где находится [Москва]\n");
    assert_string_equal(hits_of(f, &t, "天京"), "");
    assert_string_equal(hits_of(f, &t, "afe"), "");
    assert_string_equal(hits_of(f, &t, "cafe москва"), "");
}

static void search__phrases_stand_in_order(void **state)
{
    store_fixture *f = *state;
    found t;
    say(f, "a", "the red house by the sea");
    say(f, "b", "the house, red by the sea");
    hits_of(f, &t, "red house ");
    assert_int_equal(t.count, 2);
    assert_string_equal(hits_of(f, &t, "\"red house\""), "a:the [red house] by the sea\n");
    assert_string_equal(hits_of(f, &t, "\"house red\""), "b:the [house, red] by the sea\n");
    assert_string_equal(hits_of(f, &t, "sea-by"), "");
    hits_of(f, &t, "by-the");
    assert_int_equal(t.count, 2);
}

static void search__a_query_without_words_has_no_hits(void **state)
{
    store_fixture *f = *state;
    found t;
    say(f, "a", "words ?!");
    assert_string_equal(hits_of(f, &t, ""), "");
    assert_string_equal(hits_of(f, &t, " ?! \"\" "), "");
}

static void search__stays_in_one_conversation_when_asked(void **state)
{
    store_fixture *f = *state;
    found t;
    say(f, "a", "apple one");
    say(f, "b", "apple two");
    amphi_search_query query = query_for("apple");
    query.conversation_id = S("a");
    assert_int_equal(search(f, &t, query), AMPHI_OK);
    assert_string_equal(t.text, "a:[apple] one\n");
    query.conversation_id = S("nowhere");
    assert_int_equal(search(f, &t, query), AMPHI_E_NOT_FOUND);
}

static void search__goes_on_behind_the_last_hit(void **state)
{
    store_fixture *f = *state;
    found t;
    char seen[700] = {0};
    enum { MESSAGES = 600 };
    for (int i = 0; i < MESSAGES; i++) {
        char text[40];
        snprintf(text, sizeof text, "pear number%d%s", i, i % 3 == 0 ? " odd" : "");
        say(f, i % 2 == 0 ? "even" : "uneven", text);
    }
    amphi_search_query query = query_for("odd");
    query.limit = 7;
    for (int i = MESSAGES - 1; i >= 0;) {
        assert_int_equal(search(f, &t, query), AMPHI_OK);
        assert_true(t.is_descending);
        for (const char *line = strstr(t.text, "number"); line != NULL;
             line = strstr(line + 1, "number"))
            seen[atoi(line + 6)]++;
        if (t.count == 0)
            break;
        query.before_id = t.last_id;
        i -= t.count;
    }
    for (int i = 0; i < MESSAGES; i++)
        assert_int_equal(seen[i], i % 3 == 0);
}

static void search__content_parts_are_searched_not_their_json(void **state)
{
    store_fixture *f = *state;
    found t;
    amphi_store_message message = {.role = S("user"),
        .content = S("[{\"type\":\"text\",\"text\":\"caf\\u00e9 au lait\"},"
                     "{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}]"),
        .content_is_json = true};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .conversation_id = S("j"),
        .now_ms = NOW,
        .messages = &message,
        .messages_count = 1};
    assert_int_equal(f->store.ops->turn_append(f->store.self, &turn, NULL), AMPHI_OK);
    assert_string_equal(hits_of(f, &t, "lait"), "j:caf\xc3\xa9 au [lait]\n");
    assert_string_equal(hits_of(f, &t, "image_url"), "");
    assert_string_equal(hits_of(f, &t, "u00e9"), "");
}

static void search__long_texts_are_shown_around_the_match(void **state)
{
    store_fixture *f = *state;
    found t;
    char *text = calloc(1, 300000);
    for (size_t i = 0; i < 299900; i += 13)
        memcpy(text + i, "天filler w\nx ", 14);
    memcpy(text + 150000 - 150000 % 13, " the needle x", 13);
    say(f, "long", text);
    hits_of(f, &t, "needle");
    assert_int_equal(t.count, 1);
    assert_non_null(strstr(t.text, "[needle]"));
    assert_true(t.size < 260 && amphi__utf8_is_valid(amphi_str_from(t.text)));
    assert_non_null(strstr(t.text, "\xe2\x80\xa6"));
    free(text);
}

static void search__what_was_deleted_is_not_found(void **state)
{
    store_fixture *f = *state;
    found t;
    for (int i = 0; i < 300; i++)
        say(f, i % 2 == 0 ? "kept" : "gone", i % 2 == 0 ? "plum kept" : "plum gone");
    hits_of(f, &t, "gone");
    assert_int_equal(t.count, 20);
    assert_int_equal(f->store.ops->conversation_delete(f->store.self, S("gone"), NULL), AMPHI_OK);
    hits_of(f, &t, "gone");
    assert_int_equal(t.count, 0);
    amphi_search_query query = query_for("plum");
    query.limit = 1000;
    assert_int_equal(search(f, &t, query), AMPHI_OK);
    assert_int_equal(t.count, 150);
}

static void search__refuses_what_it_cannot_take(void **state)
{
    store_fixture *f = *state;
    found t;
    char words[2000];
    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    assert_int_equal(search(f, &t, query_for(words)), AMPHI_E_LIMIT);
    assert_int_equal(search(f, &t, query_for("1 2 3 4 5 6 7 8 9 a b c d e f g h")), AMPHI_E_LIMIT);
    amphi_search_query query = query_for("x");
    query.limit = 1001;
    assert_int_equal(search(f, &t, query), AMPHI_E_LIMIT);
    query = query_for("x");
    query.before_id = -1;
    assert_int_equal(search(f, &t, query), AMPHI_E_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_STORES(search__finds_words_of_any_language),
        BOTH_STORES(search__phrases_stand_in_order),
        BOTH_STORES(search__a_query_without_words_has_no_hits),
        BOTH_STORES(search__stays_in_one_conversation_when_asked),
        BOTH_STORES(search__goes_on_behind_the_last_hit),
        BOTH_STORES(search__content_parts_are_searched_not_their_json),
        BOTH_STORES(search__long_texts_are_shown_around_the_match),
        BOTH_STORES(search__what_was_deleted_is_not_found),
        BOTH_STORES(search__refuses_what_it_cannot_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
