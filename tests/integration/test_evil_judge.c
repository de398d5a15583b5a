/* SPDX-License-Identifier: Apache-2.0
 *
 * An engine process that lies about how sure its model is: what was not asked for, comes out of
 * order, or is no number ends its own answer at most; what fits becomes a verdict.
 */
#include "tests/support/engine_recorder.h"
#include "tests/support/process_count.h"
#include "tests/support/scripted_worker.h"

#include "local/judge/head.h"
#include "local/model/fingerprint.h"
#include "tests/support/scratch_dir.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define BODY "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

enum { PATIENCE_MS = 60000, END_MS = 120000, TOKENS = 2, WIDTH = 4 };

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* ---- the worker's side ---- */

static void put_certainty(scripted_worker *worker, uint32_t run, uint32_t index, float entropy)
{
    const amphi_worker_certainty event = {
        .run = run, .index = index, .entropy = entropy, .margin = 0.25f, .top = 0.5f};
    scripted_send(worker, AMPHI_WORKER_CERTAINTY, &event, sizeof event);
}

static void put_state(scripted_worker *worker, uint32_t run, uint32_t index, uint32_t depth,
    size_t values, uint16_t half)
{
    static uint8_t bytes[AMPHI_WORKER_EVENT_MAX];
    const amphi_worker_state state = {.run = run, .index = index, .depth = depth};
    memcpy(bytes, &state, sizeof state);
    for (size_t i = 0; i < values; i++)
        memcpy(bytes + sizeof state + 2 * i, &half, sizeof half);
    scripted_send(worker, AMPHI_WORKER_STATE, bytes, sizeof state + 2 * values);
}

/* A whole token of a head of depth 4. */
static void put_token(scripted_worker *worker, uint32_t run, uint32_t index)
{
    put_state(worker, run, index, 4, WIDTH, 0x3c00); /* 1.0 */
    put_certainty(worker, run, index, 1);
}

/* Of an answer that has no head: the logits are asked for, states are not. */
static bool evil_certainty(scripted_worker *worker, const char *script, uint32_t run)
{
    if (is(script, "not-a-number"))
        put_certainty(worker, run, 0, NAN);
    else if (is(script, "negative"))
        put_certainty(worker, run, 0, -1);
    else if (is(script, "endless"))
        put_certainty(worker, run, 0, INFINITY);
    else if (is(script, "out-of-order"))
        put_certainty(worker, run, 1, 1);
    else if (is(script, "of-other-run"))
        put_certainty(worker, run + 1, 0, 1);
    else if (is(script, "more-than-asked"))
        for (uint32_t i = 0; i <= TOKENS; i++)
            put_certainty(worker, run, i, 1);
    else if (is(script, "unasked-state"))
        put_state(worker, run, 0, 4, WIDTH, 0);
    else
        return false;
    return true;
}

static bool evil_state(scripted_worker *worker, const char *script, uint32_t run)
{
    if (is(script, "head-other-depth"))
        put_state(worker, run, 0, 5, WIDTH, 0);
    else if (is(script, "head-depth-huge"))
        put_state(worker, run, 0, UINT32_MAX, WIDTH, 0);
    else if (is(script, "head-state-infinite"))
        put_state(worker, run, 0, 4, WIDTH, 0x7c00);
    else if (is(script, "head-state-empty"))
        put_state(worker, run, 0, 4, 0, 0);
    else if (is(script, "head-state-huge"))
        put_state(worker, run, 0, 4, 8100, 0);
    else if (is(script, "head-state-missing"))
        for (uint32_t i = 0; i < 2; i++) {
            if (i == 0)
                put_state(worker, run, 0, 4, WIDTH, 0);
            put_certainty(worker, run, i, 1);
        }
    else if (is(script, "head-width-changes"))
        for (uint32_t i = 0; i < 2; i++) {
            put_state(worker, run, i, 4, WIDTH + i, 0);
            put_certainty(worker, run, i, 1);
        }
    else
        return false;
    return true;
}

static bool step(scripted_worker *worker, const char *script, const char *at, uint32_t run)
{
    if (!is(at, "run"))
        return false;
    if (evil_certainty(worker, script, run) || evil_state(worker, script, run))
        for (;;)
            pause();
    if (is(script, "good") || is(script, "good-unasked"))
        for (uint32_t i = 0; i < TOKENS; i++)
            put_certainty(worker, run, i, 1);
    if (is(script, "head-good"))
        for (uint32_t i = 0; i < TOKENS; i++)
            put_token(worker, run, i);
    scripted_text(worker, run, "hello");
    scripted_finish(worker, run, AMPHI_FINISH_STOP);
    return true;
}

/* ---- the parent's side ---- */

/* A head for the "model file" of a script, which says "0.8": its weights are 0, but for a bias. */
static void put_head(const scripted_engine *e)
{
    char path[300];
    float weights[WIDTH + AMPHI_EVIDENCE_NUMBERS] = {0};
    amphi_head head = {
        .depth = 4, .tokens = TOKENS, .values = WIDTH, .weights = weights, .bias = 1.386294f};
    amphi_buf bytes;
    assert_int_equal(amphi__content_hash(e->model, head.model), AMPHI_OK);
    amphi__buf_init(&bytes, 0);
    assert_int_equal(amphi__head_write(&head, &bytes), AMPHI_OK);
    snprintf(path, sizeof path, "%s.head", e->model);
    scratch_write(path, bytes.data, bytes.size, 0600);
    amphi__buf_clear(&bytes);
}

static void drop_head(const scripted_engine *e)
{
    char path[300];
    snprintf(path, sizeof path, "%s.head", e->model);
    (void)unlink(path);
}

static void play(const char *script, uint32_t judge_tokens, engine_recorder *r)
{
    scripted_engine e;
    amphi_engine_run *run = NULL;
    amphi_engine_request request;
    assert_true(scripted_engine_new(&e, script, PATIENCE_MS));
    if (strncmp(script, "head-", 5) == 0)
        put_head(&e);
    engine_recorder_init(r);
    const amphi_engine_sink sink = engine_recorder_sink(r);
    amphi_engine_request_init(&request);
    request.body = AMPHI_STR(BODY);
    request.judge_tokens = judge_tokens;
    assert_int_equal(e.engine.ops->start(e.engine.self, &run, &request, &sink, NULL), AMPHI_OK);
    assert_true(engine_recorder_wait_end(r, END_MS));
    e.engine.ops->release(e.engine.self, run);
    assert_int_equal(r->terminals, 1);
    drop_head(&e);
    scripted_engine_free(&e);
}

static void evil_judge__what_does_not_fit_ends_the_answer(void **state)
{
    static const char *const scripts[] = {"not-a-number", "negative", "endless", "out-of-order",
        "of-other-run", "more-than-asked", "unasked-state", "head-other-depth", "head-depth-huge",
        "head-state-infinite", "head-state-empty", "head-state-huge", "head-state-missing",
        "head-width-changes"};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        engine_recorder r;
        play(scripts[i], TOKENS, &r);
        if (r.error.status != AMPHI_E_ENGINE_DIED)
            fail_msg("%s: status %d", scripts[i], (int)r.error.status);
        engine_recorder_clear(&r);
    }
    assert_int_equal(count_children(), 0);
}

static void evil_judge__what_nobody_asked_for_ends_the_answer(void **state)
{
    engine_recorder r;
    play("good-unasked", 0, &r);
    assert_int_equal(r.error.status, AMPHI_E_ENGINE_DIED);
    assert_int_equal(r.confidences, 0);
    engine_recorder_clear(&r);
}

static void evil_judge__what_fits_becomes_a_verdict(void **state)
{
    engine_recorder r;
    play("good", TOKENS, &r);
    assert_true(r.finished);
    assert_int_equal(r.confidences, TOKENS);
    assert_true(r.confidence_is_final);
    assert_string_equal(r.judge, "logits");
    engine_recorder_clear(&r);
    play("head-good", TOKENS, &r);
    assert_true(r.finished);
    assert_int_equal(r.confidences, TOKENS);
    assert_string_equal(r.judge, "head");
    assert_int_equal(r.confidence_permille, 800);
    engine_recorder_clear(&r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evil_judge__what_does_not_fit_ends_the_answer),
        cmocka_unit_test(evil_judge__what_nobody_asked_for_ends_the_answer),
        cmocka_unit_test(evil_judge__what_fits_becomes_a_verdict),
    };
    scripted_worker_main(argc, argv, step);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
