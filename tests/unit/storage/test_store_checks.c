/* SPDX-License-Identifier: Apache-2.0
 *
 * What both stores accept and refuse, at each limit; the limits' defaults; a conversation's title.
 */
#include "storage/store_checks.h"

#include "sdk/core/alloc.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define S(text) AMPHI_STR(text)

/* A string of this size. Its bytes are not read, so that no test needs 16 MiB. */
static amphi_str text_of(size_t size)
{
    static char *bytes;
    if (bytes == NULL)
        bytes = amphi__calloc(1, AMPHI_STORE_TEXT_BYTES_MAX + 1);
    assert_non_null(bytes);
    if (size == SIZE_MAX) {
        amphi__free(bytes);
        bytes = NULL;
        size = 0;
    }
    return amphi_str_make(bytes, size);
}

static int free_text(void **state)
{
    (void)text_of(SIZE_MAX);
    return 0;
}

static void expect(
    amphi_status status, const amphi_error *error, amphi_status wanted, const char *field)
{
    assert_int_equal(status, wanted);
    if (wanted != AMPHI_OK && strncmp(error->message, field, strlen(field)) != 0)
        fail_msg("\"%s\" does not begin with %s", error->message, field);
}

/* What was read, in this library's version. */
static amphi_store_turn own_turn;
static amphi_store_outbox_item own_item;
static amphi_store_start own_start;

static void expect_turn(const amphi_store_turn *turn, amphi_status wanted, const char *field)
{
    amphi_error error;
    expect(amphi__read_turn(&own_turn, turn, &error), &error, wanted, field);
}

static const amphi_store_message hello = {.role = {"user", 4}, .content = {"Hello", 5}};

static amphi_store_turn valid_turn(const amphi_store_message *message)
{
    return (amphi_store_turn){.struct_size = sizeof(amphi_store_turn),
        .conversation_id = S("c"),
        .messages = message,
        .messages_count = 1};
}

static void turn__ids_are_there_and_short(void **state)
{
    amphi_store_turn turn = valid_turn(&hello);
    expect_turn(&turn, AMPHI_OK, "");
    turn.conversation_id = S("");
    expect_turn(&turn, AMPHI_E_ARGUMENT, "conversation_id: empty");
    turn.conversation_id = text_of(AMPHI_STORE_ID_BYTES_MAX);
    turn.outbox_id = text_of(AMPHI_STORE_ID_BYTES_MAX);
    expect_turn(&turn, AMPHI_OK, "");
    turn.outbox_id = text_of(AMPHI_STORE_ID_BYTES_MAX + 1);
    expect_turn(&turn, AMPHI_E_ARGUMENT, "outbox_id: longer");
    turn.conversation_id = text_of(AMPHI_STORE_ID_BYTES_MAX + 1);
    expect_turn(&turn, AMPHI_E_ARGUMENT, "conversation_id: longer");
    turn.privacy = (amphi_privacy)(AMPHI_PRIVACY_PRIVATE + 1);
    expect_turn(&turn, AMPHI_E_ARGUMENT, "privacy: unknown");
}

static void turn__messages_are_there_and_counted(void **state)
{
    expect_turn(NULL, AMPHI_E_ARGUMENT, "turn: ");
    amphi_store_turn turn = valid_turn(&hello);
    turn.messages = NULL;
    expect_turn(&turn, AMPHI_E_ARGUMENT, "messages: NULL");
    turn.messages_count = 0; /* nothing to append is nothing wrong */
    expect_turn(&turn, AMPHI_OK, "");
    static amphi_store_message many[AMPHI_STORE_MESSAGES_MAX + 1];
    for (size_t i = 0; i < AMPHI_STORE_MESSAGES_MAX + 1; i++)
        many[i] = hello;
    turn = valid_turn(many);
    turn.messages_count = AMPHI_STORE_MESSAGES_MAX;
    expect_turn(&turn, AMPHI_OK, "");
    turn.messages_count++;
    expect_turn(&turn, AMPHI_E_LIMIT, "messages: more than 10000");
}

static void turn__each_text_of_a_message_has_its_limit(void **state)
{
    amphi_store_message message = hello;
    const struct {
        amphi_str *text;
        const char *field;
    } texts[] = {{&message.content, "messages[].content: "},
        {&message.extra_json, "messages[].extra_json: "},
        {&message.decision_json, "messages[].decision_json: "},
        {&message.route, "messages[].route: "}, {&message.model, "messages[].model: "}};
    amphi_store_turn turn = valid_turn(&message);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        message = hello;
        *texts[i].text = text_of(AMPHI_STORE_TEXT_BYTES_MAX);
        expect_turn(&turn, AMPHI_OK, "");
        *texts[i].text = text_of(AMPHI_STORE_TEXT_BYTES_MAX + 1);
        expect_turn(&turn, AMPHI_E_LIMIT, texts[i].field);
        *texts[i].text = amphi_str_make(NULL, 1);
        expect_turn(&turn, AMPHI_E_ARGUMENT, texts[i].field);
    }
    message = hello;
    message.role = S("");
    expect_turn(&turn, AMPHI_E_ARGUMENT, "messages[].role: empty");
}

static void outbox_change__is_held_to_the_same(void **state)
{
    amphi_error error;
    amphi_store_outbox_change own;
    const amphi_store_outbox_change good = {.struct_size = sizeof good,
        .id = S("i"),
        .lease = S("l"),
        .kind = AMPHI_OUTBOX_CHANGE_EXPIRED};
    amphi_store_outbox_change change = good;
    expect(amphi__read_outbox_change(&own, &change, &error), &error, AMPHI_OK, "");
    change.lease = S("");
    expect(amphi__read_outbox_change(&own, &change, &error), &error, AMPHI_E_ARGUMENT, "lease: ");
    change.kind = AMPHI_OUTBOX_CHANGE_CANCEL;
    expect(amphi__read_outbox_change(&own, &change, &error), &error, AMPHI_OK, "");
    change.reason = text_of(AMPHI_OUTBOX_REASON_MAX);
    expect(amphi__read_outbox_change(&own, &change, &error), &error, AMPHI_E_ARGUMENT, "reason: ");
    change = good;
    change.kind = (amphi_outbox_change_kind)(AMPHI_OUTBOX_CHANGE_REPORTED + 1);
    expect(amphi__read_outbox_change(&own, &change, &error), &error, AMPHI_E_ARGUMENT, "kind: ");
    change = good;
    change.state = (amphi_outbox_state)(AMPHI_OUTBOX_EXPIRED + 1);
    expect(amphi__read_outbox_change(&own, &change, &error), &error, AMPHI_E_ARGUMENT, "state: ");
    change = good;
    change.pause_ms = UINT64_MAX;
    expect(amphi__read_outbox_change(&own, &change, &error), &error, AMPHI_E_ARGUMENT, "pause_ms");
    change = good;
    change.id = S("");
    expect(amphi__read_outbox_change(&own, &change, &error), &error, AMPHI_E_ARGUMENT, "id: ");
}

static void outbox_hold__is_a_distance(void **state)
{
    amphi_store_outbox_item item = {.created_ms = 100, .not_before_ms = 150};
    assert_true(amphi__outbox_hold_ms(&item) == 50);
    item.not_before_ms = 50;
    assert_true(amphi__outbox_hold_ms(&item) == 0);
    item.not_before_ms = 0;
    assert_true(amphi__outbox_hold_ms(&item) == 0);
    item = (amphi_store_outbox_item){.created_ms = INT64_MIN, .not_before_ms = INT64_MAX};
    assert_true(amphi__outbox_hold_ms(&item) == 0);
    item.created_ms = 0;
    assert_true(amphi__outbox_hold_ms(&item) == INT64_C(3650) * 24 * 3600 * 1000);
}

static void outbox_item__is_held_to_the_same(void **state)
{
    amphi_error error;
    const amphi_store_outbox_item good = {
        .struct_size = sizeof good, .id = S("k"), .request_json = S("{}")};
    amphi_store_outbox_item item = good;
    expect(amphi__read_outbox_item(&own_item, &item, &error), &error, AMPHI_OK, "");
    expect(amphi__read_outbox_item(&own_item, NULL, &error), &error, AMPHI_E_ARGUMENT, "item: ");
    item.id = S("");
    expect(amphi__read_outbox_item(&own_item, &item, &error), &error, AMPHI_E_ARGUMENT, "id: ");
    item = good;
    item.conversation_id = text_of(AMPHI_STORE_ID_BYTES_MAX + 1);
    expect(amphi__read_outbox_item(&own_item, &item, &error), &error, AMPHI_E_ARGUMENT,
        "conversation_id: ");
    item = good;
    item.request_json = text_of(AMPHI_STORE_TEXT_BYTES_MAX + 1);
    expect(
        amphi__read_outbox_item(&own_item, &item, &error), &error, AMPHI_E_LIMIT, "request_json: ");
}

static void row_query__is_held_to_the_same(void **state)
{
    amphi_error error;
    amphi_store_row_query own;
    amphi_store_row_query query;
    amphi_store_row_query_init(&query);
    expect(amphi__read_row_query(&own, &query, &error), &error, AMPHI_E_ARGUMENT,
        "conversation_id: empty");
    query.conversation_id = text_of(AMPHI_STORE_ID_BYTES_MAX);
    query.from_id = -1;
    expect(amphi__read_row_query(&own, &query, &error), &error, AMPHI_E_ARGUMENT, "from_id: ");
    query.from_id = 0;
    expect(amphi__read_row_query(&own, &query, &error), &error, AMPHI_OK, "");
    assert_true(own.from_id == 0);
    query.newest_first = true;
    expect(amphi__read_row_query(&own, &query, &error), &error, AMPHI_OK, "");
    assert_true(own.from_id == INT64_MAX);
}

static void setting__and_cache_value_have_limits(void **state)
{
    amphi_error error;
    const amphi_store_limits limits = {.cache_bytes = 1000};
    const amphi_store_limits wide = {.cache_bytes = UINT64_MAX};
    expect(amphi__check_setting(S("n"), text_of(AMPHI_STORE_SETTING_BYTES_MAX), &error), &error,
        AMPHI_OK, "");
    expect(amphi__check_setting(S("n"), text_of(AMPHI_STORE_SETTING_BYTES_MAX + 1), &error), &error,
        AMPHI_E_LIMIT, "value: ");
    expect(amphi__check_setting(S(""), S("v"), &error), &error, AMPHI_E_ARGUMENT, "name: ");
    expect(amphi__check_cache_value(&limits, text_of(1000), &error), &error, AMPHI_OK, "");
    expect(
        amphi__check_cache_value(&limits, text_of(1001), &error), &error, AMPHI_E_LIMIT, "value: ");
    expect(amphi__check_cache_value(&wide, text_of(AMPHI_CACHE_VALUE_BYTES_MAX), &error), &error,
        AMPHI_OK, "");
    expect(amphi__check_cache_value(&wide, text_of(AMPHI_CACHE_VALUE_BYTES_MAX + 1), &error),
        &error, AMPHI_E_LIMIT, "value: ");
}

static void start__is_known_and_short(void **state)
{
    amphi_error error;
    const amphi_store_start good = {.struct_size = sizeof good, .fingerprint = S("f")};
    amphi_store_start start = good;
    expect(amphi__read_start(&own_start, &start, &error), &error, AMPHI_OK, "");
    start.fingerprint = S("");
    expect(amphi__read_start(&own_start, &start, &error), &error, AMPHI_E_ARGUMENT, "ledger: ");
    start = good;
    start.phase = AMPHI_START_PHASE_COUNT;
    expect(amphi__read_start(&own_start, &start, &error), &error, AMPHI_E_ARGUMENT, "ledger: ");
    start = good;
    start.outcome = (amphi_start_outcome)-1;
    expect(amphi__read_start(&own_start, &start, &error), &error, AMPHI_E_ARGUMENT, "ledger: ");
    start = good;
    start.host = text_of(AMPHI_STORE_ID_BYTES_MAX + 1);
    expect(amphi__read_start(&own_start, &start, &error), &error, AMPHI_E_LIMIT, "ledger: ");
}

static void messages__never_repeat_a_value(void **state)
{
    amphi_error error;
    char secret[AMPHI_STORE_ID_BYTES_MAX + 2];
    memset(secret, 'S', sizeof secret);
    amphi_store_turn turn = valid_turn(&hello);
    turn.conversation_id = amphi_str_make(secret, sizeof secret);
    assert_int_equal(amphi__read_turn(&own_turn, &turn, &error), AMPHI_E_ARGUMENT);
    assert_null(strstr(error.message, "SS"));
}

static void limits__zero_is_the_default_and_age_is_bounded(void **state)
{
    amphi_storage_options options = {0};
    amphi_store_limits limits = amphi__store_limits(&options);
    assert_int_equal(limits.cache_entries, 10000);
    assert_true(limits.cache_bytes == 64u << 20);
    assert_int_equal(limits.outbox_entries, 1000);
    assert_true(limits.outbox_bytes == UINT64_C(64) << 20);
    assert_true(limits.outbox_age_ms == INT64_C(7) * 24 * 3600 * 1000);
    options.cache_entries_max = 1;
    options.cache_bytes_max = 2;
    options.outbox_entries_max = 3;
    options.outbox_bytes_max = 4;
    options.outbox_age_max_ms = UINT64_MAX;
    limits = amphi__store_limits(&options);
    assert_int_equal(limits.cache_entries, 1);
    assert_int_equal(limits.cache_bytes, 2);
    assert_int_equal(limits.outbox_entries, 3);
    assert_true(limits.outbox_bytes == 4);
    assert_true(limits.outbox_age_ms == INT64_C(3650) * 24 * 3600 * 1000);
}

static void expect_title(const amphi_store_message *message, const char *title)
{
    amphi_store_turn turn = valid_turn(message);
    amphi_buf out;
    amphi__buf_init(&out, 0);
    assert_int_equal(amphi__turn_title(&out, &turn, NULL), AMPHI_OK);
    amphi__buf_append_c(&out, "");
    assert_string_equal(out.data != NULL ? out.data : "", title);
    amphi__buf_clear(&out);
}

static void title__is_the_first_60_characters_of_the_first_user_message(void **state)
{
    static const char sixty[] = "\xc3\xa9"
                                "23456789012345678901234567890123456789012345678901234567890";
    char longer[sizeof sixty + 1];
    memcpy(longer, sixty, sizeof sixty - 1);
    strcpy(longer + sizeof sixty - 1, "x");
    amphi_store_message message = {.role = S("user"), .content = amphi_str_from(longer)};
    expect_title(&message, sixty);
    message.content = S("\xff\xc3"); /* stray bytes count as characters */
    expect_title(&message, "\xff\xc3");
    message.role = S("assistant");
    expect_title(&message, "");
    const amphi_store_message two[] = {{.role = S("system"), .content = S("S")}, hello};
    amphi_store_turn turn = valid_turn(two);
    turn.messages_count = 2;
    amphi_buf out;
    amphi__buf_init(&out, 0);
    assert_int_equal(amphi__turn_title(&out, &turn, NULL), AMPHI_OK);
    assert_string_equal(out.data, "Hello");
    amphi__buf_clear(&out);
}

static void title__of_parts_is_their_first_text(void **state)
{
    static const char *const cases[][2] = {
        {"[{\"type\":\"image_url\"},{\"type\":\"text\",\"text\":\"Look\"},"
         "{\"type\":\"text\",\"text\":\"No\"}]",
            "Look"},
        {"[{\"type\":\"image_url\"}]", ""}, {"[{\"type\":\"text\"}]", ""}, {"[]", ""}, {"5", ""},
        {"not json", ""}, {"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const amphi_store_message message = {
            .role = S("user"), .content = amphi_str_from(cases[i][0]), .content_is_json = true};
        expect_title(&message, cases[i][1]);
    }
}

static void title__without_memory_is_an_error(void **state)
{
    const amphi_store_message message = {.role = S("user"),
        .content = S("[{\"type\":\"text\",\"text\":\"Look\"}]"),
        .content_is_json = true};
    amphi_store_turn turn = valid_turn(&message);
    amphi_status status = AMPHI_E_NO_MEMORY;
    failing_alloc_install();
    for (size_t n = 1; status != AMPHI_OK && n < 100; n++) {
        amphi_buf out;
        amphi__buf_init(&out, 0);
        failing_alloc_at(n);
        status = amphi__turn_title(&out, &turn, NULL);
        assert_int_equal(status, failing_alloc_failed() ? AMPHI_E_NO_MEMORY : AMPHI_OK);
        failing_alloc_at(0);
        amphi__buf_clear(&out);
        assert_int_equal(failing_alloc_live(), 0);
    }
    failing_alloc_remove();
    assert_int_equal(status, AMPHI_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turn__ids_are_there_and_short),
        cmocka_unit_test(turn__messages_are_there_and_counted),
        cmocka_unit_test(turn__each_text_of_a_message_has_its_limit),
        cmocka_unit_test(outbox_change__is_held_to_the_same),
        cmocka_unit_test(outbox_hold__is_a_distance),
        cmocka_unit_test(outbox_item__is_held_to_the_same),
        cmocka_unit_test(row_query__is_held_to_the_same),
        cmocka_unit_test(setting__and_cache_value_have_limits),
        cmocka_unit_test(start__is_known_and_short),
        cmocka_unit_test(messages__never_repeat_a_value),
        cmocka_unit_test(limits__zero_is_the_default_and_age_is_bounded),
        cmocka_unit_test(title__is_the_first_60_characters_of_the_first_user_message),
        cmocka_unit_test(title__of_parts_is_their_first_text),
        cmocka_unit_test(title__without_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, free_text);
}
