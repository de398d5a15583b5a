/* SPDX-License-Identifier: Apache-2.0
 *
 * A request that is sent once more, over a transport that the test plays itself: after a 401 with
 * the app's new token, after a refused field in the other form; cancelled and released meanwhile;
 * never a third time.
 */
#include "remote/remote.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "sdk/core/thread.h"
#include "tests/support/engine_recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- The transport: each exchange is ended by the test, on the test's thread ----------------- */

enum { EXCHANGES_MAX = 8 };

struct amphi_http_exchange {
    amphi_http_sink sink;
    char body[512];
    char headers[512];
    atomic_bool has_ended;
};

static struct amphi_http_exchange exchanges[EXCHANGES_MAX];
static atomic_uint starts;
static atomic_uint releases;
static void (*before_start_returns)(void); /* of the first exchange; NULL: nothing */

static amphi_status fake_start(void *self, amphi_http_exchange **out,
    const amphi_http_request *request, const amphi_http_sink *sink, amphi_error *error)
{
    amphi_http_exchange *exchange = &exchanges[atomic_load(&starts) % EXCHANGES_MAX];
    memset(exchange, 0, sizeof *exchange);
    exchange->sink = *sink;
    amphi__str_copy_to(exchange->body, sizeof exchange->body, request->body);
    size_t at = 0;
    for (size_t i = 0; i < request->headers_count && at < sizeof exchange->headers; i++)
        at += (size_t)snprintf(exchange->headers + at, sizeof exchange->headers - at,
            "%.*s: %.*s\n", (int)request->headers[i].name.size, request->headers[i].name.data,
            (int)request->headers[i].value.size, request->headers[i].value.data);
    *out = exchange;
    if (atomic_fetch_add(&starts, 1) == 0 && before_start_returns != NULL)
        before_start_returns();
    return AMPHI_OK;
}

static void end(amphi_http_exchange *exchange, amphi_status status)
{
    amphi_error error;
    amphi__fail(&error, status, 0, "over");
    if (!atomic_exchange(&exchange->has_ended, true))
        exchange->sink.end(exchange->sink.self, status == AMPHI_OK ? NULL : &error);
}

static void fake_cancel(void *self, amphi_http_exchange *exchange)
{
    end(exchange, AMPHI_E_CANCELLED);
}

static void fake_release(void *self, amphi_http_exchange *exchange)
{
    end(exchange, AMPHI_E_CANCELLED);
    atomic_fetch_add(&releases, 1);
}

static void fake_free(void *self)
{
}

static const amphi_http_ops fake_ops = {.struct_size = sizeof fake_ops,
    .name = "fake",
    .start = fake_start,
    .cancel = fake_cancel,
    .release = fake_release,
    .free = fake_free};

/* ---- The app --------------------------------------------------------------------------------- */

static atomic_uint tokens;
static atomic_bool is_same; /* its tokens never change */
static atomic_bool is_slow;

static amphi_status app_token(
    void *self, const amphi_token_request *request, amphi_token *out, amphi_error *error)
{
    unsigned number = atomic_fetch_add(&tokens, 1) + 1;
    for (int i = 0; atomic_load(&is_slow) && i < 100; i++)
        usleep(2 * 1000);
    snprintf(out->header, sizeof out->header, "X-Firebase-AppCheck");
    snprintf(out->value, sizeof out->value, "check-%u", atomic_load(&is_same) ? 1 : number);
    out->expires_ms = amphi__clock_wall_ms(NULL) + 3600000;
    return AMPHI_OK;
}

static amphi_status app_sign(void *self, const amphi_sign_request *request,
    amphi_add_header_fn *add, void *user, amphi_error *error)
{
    char value[80];
    snprintf(value, sizeof value, "sig-%.16s", request->body_sha256);
    return add(user, AMPHI_STR("X-Signature"), amphi_str_from(value));
}

static const amphi_keys_ops app_ops = {
    .struct_size = sizeof app_ops, .name = "app", .api_token = app_token, .sign = app_sign};

/* ---- A question ------------------------------------------------------------------------------ */

static amphi_engine engine;
static amphi_engine_run *run;
static engine_recorder record;

static int set_up(void **state)
{
    amphi_remote_options options;
    memset(&options, 0, sizeof options);
    amphi_endpoint_options_init(&options.endpoint);
    options.endpoint.name = AMPHI_STR("cloud");
    options.endpoint.url = AMPHI_STR("https://api.example.com/v1");
    options.http = (amphi_http){&fake_ops, NULL};
    options.keys = (amphi_keys){&app_ops, NULL};
    atomic_store(&starts, 0);
    atomic_store(&releases, 0);
    atomic_store(&tokens, 0);
    atomic_store(&is_same, false);
    atomic_store(&is_slow, false);
    before_start_returns = NULL;
    engine_recorder_init(&record);
    return amphi__remote_engine_new(&engine, &options, NULL) == AMPHI_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    engine.ops->release(engine.self, run);
    engine.ops->free(engine.self);
    engine_recorder_clear(&record);
    return atomic_load(&releases) == atomic_load(&starts) ? 0 : -1;
}

static void ask(const char *body)
{
    assert_int_equal(engine_start(engine, &run, &record, body, NULL, 0), AMPHI_OK);
}

static void wait_for_start(unsigned number)
{
    for (int i = 0; i < 20000 && atomic_load(&starts) < number; i++)
        usleep(1 * 1000);
    assert_int_equal(atomic_load(&starts), number);
}

static void answer(unsigned number, int http_status, const char *body)
{
    amphi_http_exchange *exchange = &exchanges[number - 1];
    const amphi_http_header header = {AMPHI_STR("content-type"), AMPHI_STR("application/json")};
    exchange->sink.headers(exchange->sink.self, http_status, &header, 1);
    exchange->sink.body(exchange->sink.self, amphi_str_from(body));
    end(exchange, AMPHI_OK);
}

#define WHOLE                                                                                      \
    "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}"
#define REFUSED "{\"error\":{\"message\":\"no, check-1\"}}"
#define BODY    "{\"messages\":[],\"max_tokens\":5}"

static void token__after_a_401_the_request_goes_once_more_with_a_new_one(void **state)
{
    ask(BODY);
    assert_non_null(strstr(exchanges[0].headers, "X-Firebase-AppCheck: check-1\n"));
    assert_non_null(strstr(exchanges[0].headers, "X-Signature: sig-"));
    assert_null(strstr(exchanges[0].headers, "Authorization"));
    answer(1, 401, REFUSED);
    wait_for_start(2);
    assert_int_equal(record.terminals, 0);
    assert_non_null(strstr(exchanges[1].headers, "X-Firebase-AppCheck: check-2\n"));
    assert_string_equal(exchanges[1].body, exchanges[0].body);
    answer(2, 200, WHOLE);
    assert_true(engine_recorder_wait_end(&record, 20000));
    assert_true(record.finished);
    assert_string_equal(record.text.data, "Hi");
    assert_int_equal(record.learned.size, 0);
}

static void token__a_second_401_is_the_answer(void **state)
{
    ask(BODY);
    answer(1, 401, REFUSED);
    wait_for_start(2);
    answer(2, 401, REFUSED);
    assert_true(engine_recorder_wait_end(&record, 20000));
    assert_int_equal(record.error.status, AMPHI_E_AUTH);
    assert_true(record.has_provider);
    assert_int_equal(atomic_load(&starts), 2);
}

static void token__one_that_stays_the_same_is_not_sent_again(void **state)
{
    atomic_store(&is_same, true);
    ask(BODY);
    answer(1, 401, REFUSED);
    assert_true(engine_recorder_wait_end(&record, 20000));
    assert_int_equal(record.error.status, AMPHI_E_AUTH);
    assert_string_equal(record.provider.message, "no, [key]");
    assert_int_equal(atomic_load(&starts), 1);
    assert_int_equal(atomic_load(&tokens), 2);
}

static void form__is_changed_reported_and_used_by_the_next_run(void **state)
{
    ask(BODY);
    answer(1, 400,
        "{\"error\":{\"message\":\"'max_tokens' is not supported\",\"param\":\"max_tokens\"}}");
    wait_for_start(2);
    assert_non_null(strstr(exchanges[1].body, "\"max_completion_tokens\":5"));
    answer(2, 200, WHOLE);
    assert_true(engine_recorder_wait_end(&record, 20000));
    assert_true(record.finished);
    assert_non_null(strstr(record.learned.data, "max_completion_tokens"));
    engine.ops->release(engine.self, run);
    engine_recorder_reset(&record);
    ask(BODY);
    wait_for_start(3);
    assert_non_null(strstr(exchanges[2].body, "\"max_completion_tokens\":5"));
    answer(3, 200, WHOLE);
    assert_true(engine_recorder_wait_end(&record, 20000));
    assert_int_equal(record.learned.size, 0); /* nothing new */
}

static void form__of_a_request_that_fails_again_is_not_learned(void **state)
{
    static const char refused[] =
        "{\"error\":{\"message\":\"'max_tokens' is not supported\",\"param\":\"max_tokens\"}}";
    ask(BODY);
    answer(1, 400, refused);
    wait_for_start(2);
    answer(2, 400, refused);
    assert_true(engine_recorder_wait_end(&record, 20000));
    assert_int_equal(record.error.status, AMPHI_E_REQUEST);
    assert_int_equal(record.learned.size, 0);
    assert_int_equal(atomic_load(&starts), 2);
}

static void cancel__while_the_app_is_asked_ends_the_run_once(void **state)
{
    atomic_store(&is_same, false);
    ask(BODY);
    atomic_store(&is_slow, true);
    answer(1, 401, REFUSED);
    while (atomic_load(&tokens) < 2)
        usleep(1 * 1000);
    engine.ops->cancel(engine.self, run);
    assert_true(engine_recorder_wait_end(&record, 20000));
    assert_int_equal(record.error.status, AMPHI_E_CANCELLED);
    assert_int_equal(record.terminals, 1);
}

static void release__while_the_app_is_asked_waits_for_it(void **state)
{
    ask(BODY);
    atomic_store(&is_slow, true);
    answer(1, 401, REFUSED);
    engine.ops->release(engine.self, run);
    run = NULL;
    assert_true(record.terminals <= 1);
    assert_int_equal(atomic_load(&releases), atomic_load(&starts));
}

static void refuse_and_wait_for_the_second(void)
{
    answer(1, 401, REFUSED);
    wait_for_start(2);
}

/* The transport's thread may be faster than the one that starts an exchange. Each is released (see
 * tear_down), and a cancel is for the second. */
static void start__of_the_first_may_return_after_that_of_the_second(void **state)
{
    before_start_returns = refuse_and_wait_for_the_second;
    ask(BODY);
    engine.ops->cancel(engine.self, run);
    for (int i = 0; i < 20000 && !atomic_load(&exchanges[1].has_ended); i++)
        usleep(1 * 1000); /* its start may not have returned yet */
    assert_true(atomic_load(&exchanges[1].has_ended));
    assert_true(engine_recorder_wait_end(&record, 20000));
    assert_int_equal(record.error.status, AMPHI_E_CANCELLED);
    assert_int_equal(record.terminals, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(token__after_a_401_the_request_goes_once_more_with_a_new_one),
        TEST(token__a_second_401_is_the_answer),
        TEST(token__one_that_stays_the_same_is_not_sent_again),
        TEST(form__is_changed_reported_and_used_by_the_next_run),
        TEST(form__of_a_request_that_fails_again_is_not_learned),
        TEST(cancel__while_the_app_is_asked_ends_the_run_once),
        TEST(release__while_the_app_is_asked_waits_for_it),
        TEST(start__of_the_first_may_return_after_that_of_the_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
