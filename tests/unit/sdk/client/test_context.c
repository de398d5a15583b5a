/* SPDX-License-Identifier: Apache-2.0
 *
 * Leaving out the oldest turns: what stays is valid JSON, keeps system messages, and begins with a
 * user's words.
 */
#include "sdk/client/context.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* system, then `turns` of user and assistant, each message 60 bytes of text. */
static void fill(amphi_context *context, int turns)
{
    char text[64];
    amphi__context_init(context);
    amphi_store_message message = {.role = AMPHI_STR("system"), .content = AMPHI_STR("Be short.")};
    amphi__context_add(context, &message);
    for (int i = 0; i < 2 * turns; i++) {
        snprintf(text, sizeof text, "%058d", i);
        message.role = i % 2 == 0 ? AMPHI_STR("user") : AMPHI_STR("assistant");
        message.content = amphi_str_from(text);
        amphi__context_add(context, &message);
    }
    assert_int_equal(context->json.status, AMPHI_OK);
}

/* The messages that are written with this skip. */
static amphi_json *written(const amphi_context *context, size_t skip)
{
    amphi_buf array;
    amphi_json *root = NULL;
    amphi__buf_init(&array, 0);
    amphi__buf_append_char(&array, '[');
    assert_int_equal(amphi__context_write(context, skip, &array), AMPHI_OK);
    amphi__buf_append_char(&array, ']');
    assert_int_equal(amphi__json_parse(&root, amphi__buf_str(&array), "context", NULL), AMPHI_OK);
    amphi__buf_clear(&array);
    return root;
}

static const char *role(const amphi_json *message)
{
    return amphi__json_string(amphi__json_get(message, "role")).data;
}

static void context__every_skip_keeps_the_system_and_begins_with_the_user(void **state)
{
    amphi_context context;
    fill(&context, 9);
    for (size_t skip = 0; skip < context.count; skip = amphi__context_skip_more(&context, skip)) {
        amphi_json *messages = written(&context, skip);
        const amphi_json *first = amphi__json_first(messages);
        assert_string_equal(role(first), "system");
        assert_string_equal(role(amphi__json_next(first)), "user");
        amphi__json_free(messages);
    }
    amphi_json *messages = written(&context, context.count);
    assert_int_equal(amphi__json_count(messages), 1);
    amphi__json_free(messages);
    amphi__context_clear(&context);
}

static void context__skipping_ends(void **state)
{
    amphi_context context;
    for (int turns = 0; turns < 40; turns++) {
        int steps = 0;
        fill(&context, turns);
        for (size_t skip = 0; skip < context.count; steps++) {
            size_t next = amphi__context_skip_more(&context, skip);
            assert_true(next > skip);
            skip = next;
        }
        assert_in_range(steps, 1, 8);
        amphi__context_clear(&context);
    }
}

static void context__what_fits_is_not_skipped(void **state)
{
    amphi_context context;
    fill(&context, 10);
    assert_int_equal(amphi__context_skip_to_fit(&context, UINT32_MAX), 0);
    size_t some = amphi__context_skip_to_fit(&context, 300);
    assert_in_range(some, 1, context.count - 1);
    assert_int_equal(amphi__context_skip_to_fit(&context, 0), context.count);
    amphi__context_clear(&context);
}

static void context__nothing_is_nothing(void **state)
{
    amphi_context context;
    amphi__context_init(&context);
    assert_int_equal(amphi__context_skip_to_fit(&context, 0), 0);
    amphi_json *messages = written(&context, 0);
    assert_int_equal(amphi__json_count(messages), 0);
    amphi__json_free(messages);
    amphi__context_clear(&context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(context__every_skip_keeps_the_system_and_begins_with_the_user),
        cmocka_unit_test(context__skipping_ends),
        cmocka_unit_test(context__what_fits_is_not_skipped),
        cmocka_unit_test(context__nothing_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
