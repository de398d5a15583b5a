/* SPDX-License-Identifier: Apache-2.0
 *
 * The real engine process with a real model: an answer from end to end, continued from a prefix,
 * cut by stop strings and lengths, with the conversation's state kept between turns.
 */
#include "tests/support/engine_recorder.h"
#include "tests/support/process_count.h"
#include "tests/support/real_engine.h"

#include "local/local.h"
#include "sdk/core/clock.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define X64       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define LONG_STOP X64 X64 X64 X64 X64

/* The stories model has no template: it gets the fallback. */
#define ASK(more) "{\"messages\":[{\"role\":\"user\",\"content\":\"Once upon a time\"}]," more "}"

static amphi_engine engine;

static int setup(void **state)
{
    if (!real_engine_new(&engine, "stories"))
        engine.ops = NULL;
    return 0;
}

static int teardown(void **state)
{
    if (engine.ops != NULL)
        engine.ops->free(engine.self);
    return 0;
}

/* One answer, to its end. */
static void ask(engine_recorder *r, const char *body, const char *prefix)
{
    amphi_engine_run *run = NULL;

    if (engine.ops == NULL)
        skip();
    engine_recorder_init(r);
    assert_int_equal(engine_start(engine, &run, r, body, prefix, 0), AMPHI_OK);
    assert_true(engine_recorder_wait_end(r, 60000));
    engine.ops->release(engine.self, run);
    assert_int_equal(r->terminals, 1);
    if (!r->finished)
        printf("failed: %s\n", r->error.message);
}

static void worker__a_real_model_answers(void **state)
{
    engine_recorder r;

    ask(&r, ASK("\"temperature\":0,\"max_tokens\":40"), "");
    assert_true(r.finished);
    assert_int_equal(r.finish, AMPHI_FINISH_LENGTH);
    assert_int_equal(r.usage.completion_tokens, 40);
    assert_true(r.usage.prompt_tokens > 5);
    assert_true(r.text.size > 40);
    assert_true(amphi__utf8_is_valid(amphi__buf_str(&r.text)));
    engine_recorder_clear(&r);
}

static void worker__the_same_seed_gives_the_same_text(void **state)
{
    engine_recorder a, b, c;

    ask(&a, ASK("\"temperature\":1,\"seed\":7,\"max_tokens\":30"), "");
    ask(&b, ASK("\"temperature\":1,\"seed\":7,\"max_tokens\":30"), "");
    ask(&c, ASK("\"temperature\":1,\"seed\":8,\"max_tokens\":30"), "");
    assert_string_equal(a.text.data, b.text.data);
    assert_string_not_equal(a.text.data, c.text.data);
    engine_recorder_clear(&a);
    engine_recorder_clear(&b);
    engine_recorder_clear(&c);
}

/* The help model's file says general.sampling.temp = 0. The nonsense prompt makes its distribution
 * flat, so that any other temperature would give several texts. */
static void worker__a_models_own_temperature_is_the_default(void **state)
{
    static const char *const bodies[] = {
        "{\"messages\":[{\"role\":\"user\",\"content\":\"zq vu blorp 7 key "
        "ufo\"}],\"max_tokens\":40}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"zq vu blorp 7 key "
        "ufo\"}],\"max_tokens\":40,"
        "\"temperature\":0}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"zq vu blorp 7 key "
        "ufo\"}],\"max_tokens\":40,"
        "\"temperature\":3,\"seed\":5}",
    };
    amphi_engine stories = engine;
    engine_recorder said[3];

    if (!real_engine_new(&engine, "help")) {
        engine = stories;
        skip();
    }
    for (size_t i = 0; i < 3; i++)
        ask(&said[i], bodies[i], "");
    engine.ops->free(engine.self);
    engine = stories;
    assert_string_equal(said[0].text.data, said[1].text.data);
    assert_string_not_equal(said[0].text.data, said[2].text.data); /* a request's own one wins */
    for (size_t i = 0; i < 3; i++)
        engine_recorder_clear(&said[i]);
}

/* The rest of `whole` after its first `size` bytes, asked for in a run of its own. */
static void check_rest(const engine_recorder *whole, size_t size, const char *body)
{
    engine_recorder rest;
    char prefix[1024];

    assert_true(size < sizeof prefix);
    memcpy(prefix, whole->text.data, size);
    prefix[size] = '\0';
    ask(&rest, body, prefix);
    assert_true(rest.finished);
    assert_true(rest.text.size > 0);
    assert_string_equal(rest.text.data, whole->text.data + size);
    engine_recorder_clear(&rest);
}

static void worker__an_answer_goes_on_after_its_prefix(void **state)
{
    static const char body[] = ASK("\"temperature\":0,\"max_tokens\":60");
    engine_recorder whole;

    ask(&whole, body, "");
    for (size_t cut = 10; cut + 10 < whole.text.size; cut += 17) {
        size_t size = cut;

        while (size > 0 && whole.text.data[size] != ' ') /* words are whole tokens' ends */
            size--;
        /* The prefix's own tokens count as part of the answer, so both end at the same place. */
        check_rest(&whole, size, body);
    }
    engine_recorder_clear(&whole);
}

/* Cut anywhere, the answer goes on as it would have: the first tokens heal the border. */
static void worker__a_prefix_that_ends_inside_a_word_is_continued_with_its_rest(void **state)
{
    static const char body[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"Who are you?\"}],"
                               "\"temperature\":0,\"max_tokens\":120}";
    amphi_engine stories = engine;
    engine_recorder whole;
    unsigned same = 0;
    unsigned cuts = 0;

    if (!real_engine_new(&engine, "help")) {
        engine = stories;
        skip();
    }
    ask(&whole, body, "");
    assert_int_equal(whole.finish, AMPHI_FINISH_STOP); /* a chat model knows its end */
    for (size_t cut = 1; cut < whole.text.size; cut += 2) {
        engine_recorder rest;
        char prefix[1024];

        assert_true(cut < sizeof prefix);
        memcpy(prefix, whole.text.data, cut);
        prefix[cut] = '\0';
        ask(&rest, body, prefix);
        cuts++;
        same += rest.text.size > 0 && strcmp(rest.text.data, whole.text.data + cut) == 0;
        engine_recorder_clear(&rest);
    }
    engine.ops->free(engine.self);
    engine = stories;
    printf("%u of %u cuts at any byte were continued word for word\n", same, cuts);
    assert_int_equal(same, cuts);
    engine_recorder_clear(&whole);
}

/* A stop string that began in the beginning and ends in what is new; and one that is all of it. */
static void worker__a_stop_string_is_found_across_the_seam(void **state)
{
    engine_recorder whole;

    unsigned cuts = 0;

    ask(&whole, ASK("\"temperature\":0,\"max_tokens\":40"), "");
    assert_true(whole.text.size > 60);
    for (size_t cut = 20; cut < 50; cut += 3) {
        engine_recorder rest;
        char body[256];
        char prefix[64];
        char stop[9];

        amphi__str_copy_to(stop, sizeof stop, amphi_str_make(whole.text.data + cut - 4, 8));
        amphi__str_copy_to(prefix, sizeof prefix, amphi_str_make(whole.text.data, cut));
        if (strpbrk(stop, "\"\\\n") != NULL)
            continue;
        cuts++;
        snprintf(
            body, sizeof body, ASK("\"temperature\":0,\"max_tokens\":40,\"stop\":\"%s\""), stop);
        ask(&rest, body, prefix);
        assert_true(rest.finished);
        assert_int_equal(rest.finish, AMPHI_FINISH_STOP);
        assert_int_equal(rest.text.size, 0);
        engine_recorder_clear(&rest);
    }
    assert_true(cuts >= 4);
    engine_recorder_clear(&whole);
}

/* With a schema, cut at any byte, white space and keys included, what comes out is JSON of that
 * schema; nearly always the same as without a cut. (What leaves no choice was cut into tokens
 * otherwise then, so that a number may come out differently.) */
static void worker__json_goes_on_from_any_cut(void **state)
{
    static const char body[] =
        ASK("\"temperature\":0,\"max_tokens\":80,\"response_format\":{\"type\":\"json_schema\","
            "\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\",\"properties\":{"
            "\"name\":{\"type\":\"string\",\"maxLength\":12},\"ages\":{\"type\":\"array\","
            "\"items\":{\"type\":\"integer\",\"maximum\":99,\"minimum\":0},\"maxItems\":2},"
            "\"kind\":{\"enum\":[\"little dog\",\"big cat\"]}},"
            "\"required\":[\"name\",\"ages\",\"kind\"],\"additionalProperties\":false}}}");
    engine_recorder whole;
    unsigned same = 0;
    unsigned cuts = 0;

    ask(&whole, body, "");
    assert_int_equal(whole.finish, AMPHI_FINISH_STOP);
    for (size_t cut = 1; cut < whole.text.size; cut++) {
        engine_recorder rest;
        amphi_json *json = NULL;
        amphi_buf joined;

        amphi__buf_init(&joined, 0);
        amphi__buf_append(&joined, whole.text.data, cut);
        ask(&rest, body, joined.data);
        assert_true(rest.finished);
        assert_int_equal(rest.finish, AMPHI_FINISH_STOP);
        amphi__buf_append_str(&joined, amphi__buf_str(&rest.text));
        if (amphi__json_parse(&json, amphi__buf_str(&joined), "answer", NULL) != AMPHI_OK)
            fail_msg("cut at %zu: %s", cut, joined.data);
        assert_int_equal(amphi__json_count(json), 3);
        cuts++;
        same += strcmp(joined.data, whole.text.data) == 0;
        amphi__json_free(json);
        amphi__buf_clear(&joined);
        engine_recorder_clear(&rest);
    }
    printf("%u of %u cuts of %s gave the same JSON\n", same, cuts, whole.text.data);
    assert_true(same * 5 >= cuts * 4);
    engine_recorder_clear(&whole);
}

static void worker__a_trailing_assistant_message_is_continued(void **state)
{
    engine_recorder as_prefix, as_message;

    ask(&as_prefix, ASK("\"temperature\":0,\"max_tokens\":30"), "The little dog");
    ask(&as_message,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"Once upon a time\"},"
        "{\"role\":\"assistant\",\"content\":\"The little dog\"}],"
        "\"temperature\":0,\"max_tokens\":30}",
        "");
    assert_true(as_message.text.size > 0);
    assert_string_equal(as_prefix.text.data, as_message.text.data);
    engine_recorder_clear(&as_prefix);
    engine_recorder_clear(&as_message);
}

static void worker__a_conversations_next_turn_computes_only_what_is_new(void **state)
{
    engine_recorder a, b;

    ask(&a, ASK("\"temperature\":0,\"max_tokens\":10"), "");
    ask(&b,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"Once upon a time\"},"
        "{\"role\":\"assistant\",\"content\":\"ok\"},"
        "{\"role\":\"user\",\"content\":\"And then?\"}],\"temperature\":0,\"max_tokens\":5}",
        "");
    assert_true(b.usage.cached_tokens >= a.usage.prompt_tokens - 4);
    assert_true(b.usage.cached_tokens < b.usage.prompt_tokens);
    engine_recorder_clear(&a);
    engine_recorder_clear(&b);
}

static void worker__a_chats_earlier_turns_are_not_computed_again(void **state)
{
    amphi_engine stories = engine;
    engine_recorder a, b;
    amphi_buf body;

    if (!real_engine_new(&engine, "help")) {
        engine = stories;
        skip();
    }
    ask(&a, "{\"messages\":[{\"role\":\"user\",\"content\":\"Who are you?\"}],\"temperature\":0}",
        "");
    amphi__buf_init(&body, 0);
    amphi__buf_append_c(&body, "{\"messages\":[{\"role\":\"user\",\"content\":\"Who are you?\"},"
                               "{\"role\":\"assistant\",\"content\":");
    amphi__json_quote(&body, amphi__buf_str(&a.text));
    amphi__buf_append_c(&body, "},{\"role\":\"user\",\"content\":\"And on a hot phone?\"}]}");
    ask(&b, body.data, "");
    engine.ops->free(engine.self);
    engine = stories;
    assert_true(a.finished && b.finished);
    /* All but the last token of the answer, which was never fed, and the new question. */
    assert_true(b.usage.cached_tokens + 2 >= a.usage.prompt_tokens + a.usage.completion_tokens);
    amphi__buf_clear(&body);
    engine_recorder_clear(&a);
    engine_recorder_clear(&b);
}

static void worker__kept_state_does_not_change_the_answer(void **state)
{
    engine_recorder fresh, again;

    if (engine.ops == NULL)
        skip();
    engine.ops->unload(engine.self, true);
    ask(&fresh, ASK("\"temperature\":0,\"max_tokens\":30"), "");
    assert_int_equal(fresh.usage.cached_tokens, 0);
    ask(&again, ASK("\"temperature\":0,\"max_tokens\":30"), "");
    assert_int_equal(again.usage.cached_tokens, again.usage.prompt_tokens - 1);
    assert_string_equal(fresh.text.data, again.text.data);
    engine_recorder_clear(&fresh);
    engine_recorder_clear(&again);
}

static void worker__a_stop_string_ends_the_answer_and_is_not_shown(void **state)
{
    engine_recorder whole, cut;
    char body[256];
    char stop[7];

    ask(&whole, ASK("\"temperature\":0,\"max_tokens\":60"), "");
    assert_true(whole.text.size > 60);
    memcpy(stop, whole.text.data + 40, 6); /* in the middle of words, across tokens */
    stop[6] = '\0';
    assert_null(strchr(stop, '"'));
    assert_null(strchr(stop, '\n'));
    snprintf(body, sizeof body,
        ASK("\"temperature\":0,\"max_tokens\":60,\"stop\":[\"never said\",\"%s\"]"), stop);
    ask(&cut, body, "");
    assert_int_equal(cut.finish, AMPHI_FINISH_STOP);
    assert_int_equal(cut.text.size, (size_t)(strstr(whole.text.data, stop) - whole.text.data));
    assert_memory_equal(cut.text.data, whole.text.data, cut.text.size);
    engine_recorder_clear(&whole);
    engine_recorder_clear(&cut);
}

static void worker__too_long_a_conversation_is_told(void **state)
{
    static char body[40000];
    engine_recorder r;
    size_t size = 0;

    size = (size_t)snprintf(body, sizeof body, "{\"messages\":[{\"role\":\"user\",\"content\":\"");
    while (size < 30000)
        size += (size_t)snprintf(body + size, sizeof body - size, "long ");
    snprintf(body + size, sizeof body - size, "\"}]}");
    ask(&r, body, "");
    assert_false(r.finished);
    assert_int_equal(r.error.status, AMPHI_E_CONTEXT_LENGTH);
    engine_recorder_clear(&r);
}

static void worker__the_end_of_the_context_is_a_length_finish(void **state)
{
    engine_recorder r;

    ask(&r, ASK("\"temperature\":1.5,\"seed\":3,\"max_tokens\":5000"), "");
    assert_true(r.finished);
    if (r.finish == AMPHI_FINISH_LENGTH)
        assert_in_range(r.usage.prompt_tokens + r.usage.completion_tokens, 510, 514);
    engine_recorder_clear(&r);
}

static void worker__a_body_that_is_no_request_is_refused(void **state)
{
    static const char *const bodies[] = {"", "{", "[]", "{}", "{\"messages\":3}",
        "{\"messages\":[]}", "{\"messages\":[{\"role\":\"assistant\",\"content\":\"x\"}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]}",
        ASK("\"response_format\":{\"type\":\"poem\"}"), ASK("\"stop\":\"" LONG_STOP "\"")};

    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        engine_recorder r;

        ask(&r, bodies[i], "");
        assert_false(r.finished);
        assert_true(r.error.status == AMPHI_E_FORMAT || r.error.status == AMPHI_E_REQUEST ||
                    r.error.status == AMPHI_E_UNSUPPORTED || r.error.status == AMPHI_E_LIMIT);
        assert_true(r.error.message[0] != '\0');
        engine_recorder_clear(&r);
    }
}

static void worker__tokens_are_counted_as_they_will_be(void **state)
{
    engine_recorder r;
    uint32_t count = 0;

    ask(&r, ASK("\"max_tokens\":1"), "");
    assert_int_equal(
        engine.ops->count_tokens(engine.self, AMPHI_STR(ASK("\"max_tokens\":1")), &count),
        AMPHI_OK);
    assert_int_equal(count, r.usage.prompt_tokens);
    engine_recorder_clear(&r);
}

static void worker__pace_holds_the_speed_down(void **state)
{
    engine_recorder r;
    amphi_engine_run *run = NULL;
    uint64_t from_us = 0;

    ask(&r, ASK("\"max_tokens\":1"), "");
    engine_recorder_clear(&r);
    engine_recorder_init(&r);
    from_us = amphi__clock_us(NULL);
    assert_int_equal(
        engine_start(engine, &run, &r, ASK("\"temperature\":0,\"max_tokens\":11"), "", 50),
        AMPHI_OK);
    assert_true(engine_recorder_wait_end(&r, 20000));
    assert_true(amphi__clock_us(NULL) - from_us >= 200000); /* ten gaps of 20 ms */
    engine.ops->release(engine.self, run);
    engine_recorder_clear(&r);
}

static void worker__its_cage_is_as_whole_as_this_machine_allows(void **state)
{
    char missing[256];
    engine_recorder r;

    ask(&r, ASK("\"max_tokens\":1"), "");
    engine_recorder_clear(&r);
    assert_int_equal(amphi__local_cage(&engine, missing, sizeof missing), AMPHI_OK);
    printf("cage lacks: %s\n", missing[0] != '\0' ? missing : "nothing");
    assert_null(strstr(missing, "no-new-privileges"));
    assert_null(strstr(missing, "core dump"));
    assert_null(strstr(missing, "death with the parent"));
}

static void worker__has_no_descriptor_beyond_its_own(void **state)
{
    char path[64];
    int child = 0;
    engine_recorder r;
    int pipes[2];

    assert_int_equal(pipe(pipes), 0); /* without CLOEXEC: an app's, carelessly opened */
    if (engine.ops != NULL)
        engine.ops->unload(engine.self, true);
    ask(&r, ASK("\"max_tokens\":1"), "");
    engine_recorder_clear(&r);
    for (int i = 0; i < 200 && child <= 0; i++) { /* the one before may still be ending */
        child = only_child();
        usleep(child > 0 ? 0 : 50000);
    }
    assert_true(child > 0);
    for (int fd = 8; fd < 64; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", child, fd);
        assert_int_not_equal(access(path, F_OK), 0);
    }
    close(pipes[0]);
    close(pipes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worker__a_real_model_answers),
        cmocka_unit_test(worker__the_same_seed_gives_the_same_text),
        cmocka_unit_test(worker__a_models_own_temperature_is_the_default),
        cmocka_unit_test(worker__an_answer_goes_on_after_its_prefix),
        cmocka_unit_test(worker__a_prefix_that_ends_inside_a_word_is_continued_with_its_rest),
        cmocka_unit_test(worker__a_stop_string_is_found_across_the_seam),
        cmocka_unit_test(worker__json_goes_on_from_any_cut),
        cmocka_unit_test(worker__a_trailing_assistant_message_is_continued),
        cmocka_unit_test(worker__a_conversations_next_turn_computes_only_what_is_new),
        cmocka_unit_test(worker__a_chats_earlier_turns_are_not_computed_again),
        cmocka_unit_test(worker__kept_state_does_not_change_the_answer),
        cmocka_unit_test(worker__a_stop_string_ends_the_answer_and_is_not_shown),
        cmocka_unit_test(worker__too_long_a_conversation_is_told),
        cmocka_unit_test(worker__the_end_of_the_context_is_a_length_finish),
        cmocka_unit_test(worker__a_body_that_is_no_request_is_refused),
        cmocka_unit_test(worker__tokens_are_counted_as_they_will_be),
        cmocka_unit_test(worker__pace_holds_the_speed_down),
        cmocka_unit_test(worker__its_cage_is_as_whole_as_this_machine_allows),
        cmocka_unit_test(worker__has_no_descriptor_beyond_its_own),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
