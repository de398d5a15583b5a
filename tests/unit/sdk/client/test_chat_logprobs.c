/* SPDX-License-Identifier: Apache-2.0
 *
 * Log-probabilities through a request's life: what is shown keeps its own across a takeover, words
 * that are not shown take theirs along, and no cached answer stands in for one that must have some.
 */
#include "sdk/core/buf.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"
#include "storage/stores.h"
#include "tests/support/scripted_engine.h"

#include <amphi/amphi.h>
#include <amphi/ext/parts.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#define BODY(more)                                                                                 \
    "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"temperature\":0,"                    \
    "\"stream\":true" more "}"
#define WANTS ",\"logprobs\":true,\"amphi\":{\"mode\":\"prefer_local\"}"

static const scripted_step says_hello[] = {{SCRIPT_TOKEN, "Hello", 1}, {SCRIPT_TOKEN, " world", 2},
    {SCRIPT_TOKEN, ".", 3}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
static const scripted_step dies_late[] = {
    {SCRIPT_TOKEN, "Hel", 4}, {SCRIPT_TOKEN, "lo", 5}, {SCRIPT_FAIL, NULL, AMPHI_E_ENGINE_DIED}};
static const scripted_step goes_on[] = {
    {SCRIPT_TOKEN, " moon", 6}, {SCRIPT_TOKEN, "!", 7}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
static const scripted_step says_it_again[] = {{SCRIPT_REFUSE_PREFIX, NULL, 0},
    {SCRIPT_TOKEN, "Hel", 1}, {SCRIPT_TOKEN, "lo world", 2}, {SCRIPT_TOKEN, ".", 3},
    {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
static const scripted_step says_otherwise[] = {{SCRIPT_REFUSE_PREFIX, NULL, 0},
    {SCRIPT_TOKEN, "He", 8}, {SCRIPT_TOKEN, "y.", 9}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};

static scripted_engine local, cloud;
static amphi_engine engines[1];
static amphi_parts parts;
static amphi_client *client;

static void open_client(const scripted_step *local_script, const scripted_step *cloud_script)
{
    amphi_client_options options;
    amphi_storage_options storage = {0};
    scripted_engine_init(&local, "local", AMPHI_ENGINE_LOCAL, local_script);
    scripted_engine_init(&cloud, "cloud", AMPHI_ENGINE_CLOUD, cloud_script);
    engines[0] = scripted_engine_value(&cloud);
    amphi_parts_init(&parts);
    assert_int_equal(amphi__store_memory_new(&parts.store, &storage, NULL), AMPHI_OK);
    parts.local = scripted_engine_value(&local);
    parts.engines = engines;
    parts.engines_count = 1;
    amphi_client_options_init(&options);
    options.parts = &parts;
    assert_int_equal(amphi_client_new(&client, &options, NULL), AMPHI_OK);
}

static void close_client(void)
{
    amphi_client_free(client);
    parts.store.ops->free(parts.store.self);
}

/* "token=logprob" of each, from chunks' choices[0].logprobs; a replacement begins anew. */
static void add_tokens(amphi_buf *out, const amphi_json *choice)
{
    const amphi_json *tokens = amphi__json_get(amphi__json_get(choice, "logprobs"), "content");
    for (const amphi_json *t = amphi__json_first(tokens); t != NULL; t = amphi__json_next(t)) {
        amphi__buf_append_str(out, amphi__json_string(amphi__json_get(t, "token")));
        amphi__buf_printf(out, "=%d|", (int)amphi__json_number(amphi__json_get(t, "logprob"), 0));
    }
}

static amphi_json *first_choice(amphi_str json, const amphi_json **choice)
{
    amphi_json *root = NULL;
    assert_int_equal(amphi__json_parse(&root, json, "chunk", NULL), AMPHI_OK);
    *choice = amphi__json_first(amphi__json_get(root, "choices"));
    return root;
}

/* Runs a request, and holds both forms of the answer, chunks and whole, to the same tokens. */
static void expect(const char *body, const char *tokens)
{
    amphi_stream *stream = NULL;
    amphi_buf streamed, whole;
    const amphi_json *choice = NULL;
    amphi_str chunk;
    bool terminal = false;
    char *completion = NULL;
    amphi__buf_init(&streamed, 0);
    amphi__buf_init(&whole, 0);
    assert_int_equal(amphi_chat_start_json(&stream, client, amphi_str_from(body), NULL), AMPHI_OK);
    while (!terminal) {
        assert_int_equal(amphi_stream_next_json(stream, 20000, &chunk, &terminal, NULL), AMPHI_OK);
        if (amphi__str_find(chunk, AMPHI_STR("\"event\":\"replace\"")) != SIZE_MAX)
            amphi__buf_truncate(&streamed, 0);
        amphi_json *root = first_choice(chunk, &choice);
        add_tokens(&streamed, choice);
        amphi__json_free(root);
    }
    assert_int_equal(amphi_stream_completion_json(stream, &completion, NULL), AMPHI_OK);
    amphi_json *root = first_choice(amphi_str_from(completion), &choice);
    add_tokens(&whole, choice);
    if (tokens[0] == '\0')
        assert_int_equal(amphi__json_kind(amphi__json_get(choice, "logprobs")), AMPHI_JSON_NULL);
    amphi__json_free(root);
    amphi_string_free(completion);
    amphi_stream_free(stream);
    assert_string_equal(streamed.size > 0 ? streamed.data : "", tokens);
    assert_string_equal(whole.size > 0 ? whole.data : "", tokens);
    amphi__buf_clear(&streamed);
    amphi__buf_clear(&whole);
}

static void logprobs__reach_the_caller_in_both_forms(void **state)
{
    open_client(says_hello, goes_on);
    expect(BODY(WANTS), "Hello=-1| world=-2|.=-3|");
    close_client();
}

static void logprobs__of_what_was_delivered_stay_across_a_takeover(void **state)
{
    open_client(dies_late, goes_on);
    expect(BODY(WANTS), "Hel=-4|lo=-5| moon=-6|!=-7|");
    close_client();
}

static void logprobs__of_words_said_again_are_not_told_twice(void **state)
{
    open_client(dies_late, says_it_again);
    expect(BODY(WANTS), "Hel=-4|lo=-5|lo world=-2|.=-3|"); /* "lo" and " world" are one token */
    close_client();
}

static void logprobs__of_a_replaced_answer_go_with_it(void **state)
{
    open_client(dies_late, says_otherwise);
    expect(BODY(WANTS), "He=-8|y.=-9|");
    close_client();
}

static void logprobs__of_every_token_wait_for_a_slow_reader(void **state)
{
    enum { TOKENS = 300 }; /* more than a queue takes before text shares notes */
    static scripted_step many[TOKENS + 1];
    amphi_stream *stream = NULL;
    amphi_event event = {0};
    unsigned tokens_count = 0;
    for (int i = 0; i < TOKENS; i++)
        many[i] = (scripted_step){SCRIPT_TOKEN, "x", i};
    many[TOKENS] = (scripted_step){SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP};
    open_client(many, goes_on);
    assert_int_equal(
        amphi_chat_start_json(&stream, client, AMPHI_STR(BODY(WANTS)), NULL), AMPHI_OK);
    while (atomic_load(&local.starts) == 0 || atomic_load(&local.running) > 0)
        usleep(1000);
    while (!amphi_event_is_terminal(&event)) {
        assert_int_equal(amphi_stream_next(stream, 20000, &event, NULL), AMPHI_OK);
        for (size_t i = 0; i + 7 < event.logprobs.size; i++)
            tokens_count += memcmp(event.logprobs.data + i, "\"token\"", 7) == 0;
    }
    assert_int_equal(event.kind, AMPHI_EVENT_DONE);
    assert_int_equal(tokens_count, TOKENS);
    amphi_stream_free(stream);
    close_client();
}

static void logprobs__are_never_left_out_by_the_cache(void **state)
{
    static const scripted_step plain[] = {
        {SCRIPT_SAY, "Hello world.", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    open_client(plain, goes_on);
    local.next_script = says_hello;
    expect(BODY(",\"amphi\":{\"mode\":\"prefer_local\"}"), "");
    expect(BODY(",\"amphi\":{\"mode\":\"prefer_local\"}"), "");
    assert_int_equal(atomic_load(&local.starts), 1); /* that one is cached */
    expect(BODY(WANTS), "Hello=-1| world=-2|.=-3|");
    expect(BODY(WANTS), "Hello=-1| world=-2|.=-3|");
    close_client();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logprobs__reach_the_caller_in_both_forms),
        cmocka_unit_test(logprobs__of_what_was_delivered_stay_across_a_takeover),
        cmocka_unit_test(logprobs__of_words_said_again_are_not_told_twice),
        cmocka_unit_test(logprobs__of_a_replaced_answer_go_with_it),
        cmocka_unit_test(logprobs__of_every_token_wait_for_a_slow_reader),
        cmocka_unit_test(logprobs__are_never_left_out_by_the_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
