/* SPDX-License-Identifier: Apache-2.0
 *
 * A cloud endpoint over a transport that the test plays itself: which events reach the sink, when
 * runs and exchanges end, where the key comes from, and what happens when memory runs out at any
 * point.
 */
#include "remote/remote.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "tests/support/engine_recorder.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- The transport: one exchange, whose answer the test gives -------------------------------- */

typedef struct fake_http {
    amphi_http_sink sink;
    char url[256];
    char body[1024];
    char authorization[256];
    unsigned starts;
    unsigned warms;
    atomic_uint cancels;
    atomic_uint releases;
    bool has_ended;
    amphi_status start_status;
} fake_http;

static void copy(char *out, size_t size, amphi_str text)
{
    amphi__str_copy_to(out, size, text);
}

static amphi_status fake_start(void *self, amphi_http_exchange **out,
    const amphi_http_request *request, const amphi_http_sink *sink, amphi_error *error)
{
    fake_http *fake = self;
    *out = NULL;
    fake->starts++;
    if (fake->start_status != AMPHI_OK)
        return amphi__fail(error, fake->start_status, 0, "no");
    fake->sink = *sink;
    fake->has_ended = false;
    fake->authorization[0] = '\0';
    copy(fake->url, sizeof fake->url, request->url);
    copy(fake->body, sizeof fake->body, request->body);
    for (size_t i = 0; i < request->headers_count; i++)
        if (amphi__str_equal_c(request->headers[i].name, "Authorization"))
            copy(fake->authorization, sizeof fake->authorization, request->headers[i].value);
    *out = self;
    return AMPHI_OK;
}

static void fake_end(fake_http *fake, amphi_status status)
{
    amphi_error error;
    amphi__fail(&error, status, 0, "over");
    if (!fake->has_ended) {
        fake->has_ended = true;
        fake->sink.end(fake->sink.self, status == AMPHI_OK ? NULL : &error);
    }
}

static void fake_cancel(void *self, amphi_http_exchange *exchange)
{
    fake_http *fake = self;
    atomic_fetch_add(&fake->cancels, 1);
    fake_end(fake, AMPHI_E_CANCELLED);
}

static void fake_release(void *self, amphi_http_exchange *exchange)
{
    fake_http *fake = self;
    fake_end(fake, AMPHI_E_CANCELLED);
    atomic_fetch_add(&fake->releases, 1);
}

static void fake_warm(void *self, const amphi_http_request *request)
{
    fake_http *fake = self;
    fake->warms++;
}

static void fake_free(void *self)
{
}

static const amphi_http_ops fake_ops = {
    .struct_size = sizeof fake_ops,
    .name = "fake",
    .start = fake_start,
    .cancel = fake_cancel,
    .release = fake_release,
    .warm = fake_warm,
    .free = fake_free,
};

static void fake_headers(fake_http *fake, int http_status)
{
    const amphi_http_header header = {AMPHI_STR("content-type"), AMPHI_STR("text/event-stream")};
    fake->sink.headers(fake->sink.self, http_status, &header, 1);
}

static void fake_body(fake_http *fake, const char *text)
{
    fake->sink.body(fake->sink.self, amphi_str_from(text));
}

#define WORD "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n"
#define STOP "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define DONE "data: [DONE]\n\n"

/* ---- A question ------------------------------------------------------------------------------ */

static amphi_status new_engine(amphi_engine *out, fake_http *fake,
    const amphi_endpoint_options *given, amphi_keys keys, amphi_error *error)
{
    amphi_remote_options options;
    memset(&options, 0, sizeof options);
    if (given != NULL)
        options.endpoint = *given;
    else
        amphi_endpoint_options_init(&options.endpoint);
    if (options.endpoint.name.size == 0)
        options.endpoint.name = AMPHI_STR("cloud");
    if (options.endpoint.url.size == 0)
        options.endpoint.url = AMPHI_STR("https://api.example.com/v1/");
    options.http.ops = &fake_ops;
    options.http.self = fake;
    options.keys = keys;
    return amphi__remote_engine_new(out, &options, error);
}

static const amphi_keys no_keys;

static amphi_status start_run(
    amphi_engine engine, amphi_engine_run **run, engine_recorder *record, const char *prefix)
{
    amphi_engine_request request;
    memset(&request, 0, sizeof request);
    request.struct_size = sizeof request;
    request.body = AMPHI_STR("{\"model\":\"asked\",\"messages\":[]}");
    request.prefix = amphi_str_from(prefix);
    amphi_engine_sink sink = engine_recorder_sink(record);
    return engine.ops->start(engine.self, run, &request, &sink, NULL);
}

typedef struct scene {
    fake_http fake;
    amphi_engine engine;
    amphi_engine_run *run;
    engine_recorder record;
} scene;

static void open_scene(scene *s, const char *prefix)
{
    memset(s, 0, sizeof *s);
    engine_recorder_init(&s->record);
    assert_int_equal(new_engine(&s->engine, &s->fake, NULL, no_keys, NULL), AMPHI_OK);
    assert_int_equal(start_run(s->engine, &s->run, &s->record, prefix), AMPHI_OK);
}

static void close_scene(scene *s)
{
    s->engine.ops->free(s->engine.self);
    assert_int_equal(s->record.terminals, 1);
    assert_int_equal(s->record.after_terminal, 0);
    assert_int_equal(atomic_load(&s->fake.releases), 1);
    engine_recorder_clear(&s->record);
}

static amphi_engine_info describe(amphi_engine engine)
{
    amphi_engine_info info;
    amphi_engine_info_init(&info);
    engine.ops->describe(engine.self, &info);
    return info;
}

static void run__request_has_the_dialects_url_and_body(void **state)
{
    scene s;
    open_scene(&s, NULL);
    assert_string_equal(s.fake.url, "https://api.example.com/v1/chat/completions");
    assert_non_null(strstr(s.fake.body, "\"model\":\"asked\""));
    assert_non_null(strstr(s.fake.body, "\"stream\":true"));
    assert_string_equal(s.fake.authorization, "");
    fake_end(&s.fake, AMPHI_E_NETWORK);
    assert_int_equal(s.record.error.status, AMPHI_E_NETWORK);
    s.engine.ops->release(s.engine.self, s.run);
    close_scene(&s);
}

/* For what a metered network carries: the answer's last event has both ways, of a failure too. */
static void run__bytes_are_counted_both_ways(void **state)
{
    scene s;
    open_scene(&s, NULL);
    size_t body = strlen(s.fake.body);
    fake_headers(&s.fake, 200);
    fake_body(&s.fake, WORD);
    fake_body(&s.fake, STOP DONE);
    assert_true(s.record.finished);
    assert_in_range(s.record.bytes_sent, body + strlen(s.fake.url), body + 1024);
    assert_in_range(s.record.bytes_received, strlen(WORD STOP DONE), strlen(WORD STOP DONE) + 1024);
    s.engine.ops->release(s.engine.self, s.run);
    fake_end(&s.fake, AMPHI_OK);
    close_scene(&s);
    open_scene(&s, NULL);
    fake_end(&s.fake, AMPHI_E_NETWORK);
    assert_in_range(s.record.bytes_sent, body, body + 1024);
    assert_int_equal(s.record.bytes_received, 0);
    s.engine.ops->release(s.engine.self, s.run);
    close_scene(&s);
}

static void run__end_marker_finishes_and_the_body_is_drained_behind_it(void **state)
{
    scene s;
    open_scene(&s, NULL);
    fake_headers(&s.fake, 200);
    fake_body(&s.fake, WORD STOP DONE);
    assert_true(s.record.finished);
    s.engine.ops->release(s.engine.self, s.run); /* does not wait for the body's end */
    assert_int_equal(atomic_load(&s.fake.releases), 0);
    assert_int_equal(atomic_load(&s.fake.cancels), 0);
    fake_body(&s.fake, WORD); /* reaches no sink */
    fake_end(&s.fake, AMPHI_OK);
    for (int i = 0; i < 200 && atomic_load(&s.fake.releases) == 0; i++)
        usleep(5000);
    assert_int_equal(atomic_load(&s.fake.cancels), 0);
    assert_int_equal(s.record.text.size, 2);
    close_scene(&s);
}

static void run__body_that_never_ends_is_given_up_after_a_moment(void **state)
{
    scene s;
    open_scene(&s, NULL);
    fake_headers(&s.fake, 200);
    fake_body(&s.fake, WORD STOP DONE);
    s.engine.ops->release(s.engine.self, s.run);
    for (int i = 0; i < 200 && atomic_load(&s.fake.releases) == 0; i++)
        usleep(5000);
    assert_int_equal(atomic_load(&s.fake.releases), 1);
    close_scene(&s);
}

static void run__engine_can_be_freed_while_a_body_is_drained(void **state)
{
    scene s;
    open_scene(&s, NULL);
    fake_headers(&s.fake, 200);
    fake_body(&s.fake, WORD STOP DONE);
    s.engine.ops->release(s.engine.self, s.run);
    close_scene(&s);
}

static void run__trimmings_are_waited_for_shortly(void **state)
{
    scene s;
    open_scene(&s, NULL);
    fake_headers(&s.fake, 200);
    uint64_t began_ms = amphi__clock_ms(NULL);
    fake_body(&s.fake, WORD STOP);
    assert_int_equal(s.record.terminals, 0);
    /* Half a second; the upper limit is for a busy machine, far below the answer's own limits. */
    assert_true(engine_recorder_wait_end(&s.record, 10000));
    assert_in_range(amphi__clock_ms(NULL) - began_ms, 350, 10000);
    assert_true(s.record.finished);
    s.engine.ops->release(s.engine.self, s.run);
    close_scene(&s);
}

static void run__cancel_between_finish_reason_and_end_marker_is_a_cancel(void **state)
{
    scene s;
    open_scene(&s, NULL);
    fake_headers(&s.fake, 200);
    fake_body(&s.fake, WORD STOP);
    s.engine.ops->cancel(s.engine.self, s.run);
    assert_int_equal(s.record.error.status, AMPHI_E_CANCELLED);
    s.engine.ops->release(s.engine.self, s.run);
    close_scene(&s);
}

static void run__release_in_mid_answer_cancels(void **state)
{
    scene s;
    open_scene(&s, NULL);
    fake_headers(&s.fake, 200);
    fake_body(&s.fake, WORD);
    s.engine.ops->release(s.engine.self, s.run);
    assert_int_equal(s.record.error.status, AMPHI_E_CANCELLED);
    close_scene(&s);
}

static void run__refused_prefix_is_told(void **state)
{
    scene s;
    open_scene(&s, "He said");
    assert_non_null(strstr(s.fake.body, "{\"role\":\"assistant\",\"content\":\"He said\"}"));
    assert_int_equal(describe(s.engine).prefix, AMPHI_UNKNOWN);
    fake_headers(&s.fake, 400);
    fake_body(&s.fake, "{\"error\":{\"message\":\"last message must not be assistant\"}}");
    fake_end(&s.fake, AMPHI_OK);
    assert_true(s.record.prefix_refused);
    s.engine.ops->release(s.engine.self, s.run);
    close_scene(&s);
}

static void run__failed_start_gives_no_event(void **state)
{
    scene s;
    memset(&s, 0, sizeof s);
    engine_recorder_init(&s.record);
    s.fake.start_status = AMPHI_E_UNSUPPORTED;
    assert_int_equal(new_engine(&s.engine, &s.fake, NULL, no_keys, NULL), AMPHI_OK);
    assert_int_equal(start_run(s.engine, &s.run, &s.record, NULL), AMPHI_E_UNSUPPORTED);
    assert_null(s.run);
    assert_int_equal(s.record.terminals, 0);
    s.engine.ops->free(s.engine.self);
    engine_recorder_clear(&s.record);
}

/* ---- Description and key --------------------------------------------------------------------- */

static void describe__says_what_was_configured_and_learnt(void **state)
{
    scene s;
    memset(&s, 0, sizeof s);
    amphi_endpoint_options options;
    amphi_endpoint_options_init(&options);
    options.name = AMPHI_STR("backup");
    options.model = AMPHI_STR("gpt-x");
    options.context_tokens_max = 8192;
    options.priority = 3;
    options.prefix = AMPHI_YES;
    engine_recorder_init(&s.record);
    assert_int_equal(new_engine(&s.engine, &s.fake, &options, no_keys, NULL), AMPHI_OK);
    amphi_engine_info info = describe(s.engine);
    assert_int_equal(info.kind, AMPHI_ENGINE_CLOUD);
    assert_string_equal(info.name, "backup");
    assert_string_equal(info.model, "gpt-x");
    assert_int_equal(info.context_tokens_max, 8192);
    assert_int_equal(info.priority, 3);
    assert_int_equal(info.weight, 1);
    assert_int_equal(info.prefix, AMPHI_YES);
    assert_true(info.available);
    assert_true(info.tools && info.images && info.audio);
    assert_false(info.ready);
    s.engine.ops->prewarm(s.engine.self);
    assert_int_equal(s.fake.warms, 1);
    assert_int_equal(start_run(s.engine, &s.run, &s.record, NULL), AMPHI_OK);
    assert_non_null(strstr(s.fake.body, "\"model\":\"gpt-x\""));
    fake_headers(&s.fake, 200);
    assert_true(describe(s.engine).ready);
    s.engine.ops->prewarm(s.engine.self); /* the connection is warm already */
    assert_int_equal(s.fake.warms, 1);
    s.engine.ops->release(s.engine.self, s.run);
    close_scene(&s);
}

static void options__mistakes_are_named(void **state)
{
    static const struct {
        const char *name;
        const char *url;
        const char *pins;
        const char *word;
    } bad[] = {{"local", "https://h", "", "name"}, {"a b", "https://h", "", "name"},
        {"c", "http://example.com", "", "url"}, {"c", "http://127.0.0.1", "", "url"},
        {"c", "h", "", "url"}, {"c", "https://h", "sha256//x", "pins"},
        {"0123456789012345678901234567890123456789012345678", "https://h", "", "name"}};
    fake_http fake;
    memset(&fake, 0, sizeof fake);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        amphi_endpoint_options options;
        amphi_engine engine;
        amphi_error error;
        amphi_endpoint_options_init(&options);
        options.name = amphi_str_from(bad[i].name);
        options.url = amphi_str_from(bad[i].url);
        options.pins = amphi_str_from(bad[i].pins);
        assert_int_equal(new_engine(&engine, &fake, &options, no_keys, &error), AMPHI_E_ARGUMENT);
        assert_non_null(strstr(error.message, bad[i].word));
    }
}

static amphi_status provide_key(
    void *self, amphi_str endpoint, char *out, size_t capacity, size_t *size, amphi_error *error)
{
    const char *key = self;
    assert_true(amphi__str_equal_c(endpoint, "cloud"));
    if (key == NULL)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "no key");
    *size = strlen(key);
    assert_true(*size <= capacity);
    memcpy(out, key, *size);
    return AMPHI_OK;
}

static const amphi_keys_ops provider_ops = {
    .struct_size = sizeof provider_ops, .name = "test", .api_key = provide_key};

static void key__comes_from_the_provider_then_the_file_for_each_request(void **state)
{
    char path[] = "/tmp/amphi-key-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "  file-key\r\n", 12), 12);
    close(fd);
    static char provided[] = "provided-key";
    static const char *const expected[] = {"Bearer provided-key", "Bearer file-key"};
    for (int i = 0; i < 2; i++) {
        scene s;
        memset(&s, 0, sizeof s);
        amphi_endpoint_options options;
        amphi_endpoint_options_init(&options);
        options.key_file = amphi_str_from(path);
        const amphi_keys keys = {&provider_ops, i == 0 ? provided : NULL};
        engine_recorder_init(&s.record);
        assert_int_equal(new_engine(&s.engine, &s.fake, &options, keys, NULL), AMPHI_OK);
        assert_int_equal(start_run(s.engine, &s.run, &s.record, NULL), AMPHI_OK);
        assert_string_equal(s.fake.authorization, expected[i]);
        s.engine.ops->release(s.engine.self, s.run);
        close_scene(&s);
    }
    unlink(path);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* What the run reported, without memory of its own. */
typedef struct verdict {
    unsigned terminals;
    bool finished;
    amphi_status status;
} verdict;

static void take_verdict(void *self, const amphi_engine_event *event)
{
    verdict *v = self;
    v->terminals += event->kind == AMPHI_ENGINE_FINISH || event->kind == AMPHI_ENGINE_FAIL;
    v->finished |= event->kind == AMPHI_ENGINE_FINISH;
    if (event->kind == AMPHI_ENGINE_FAIL)
        v->status = event->error->status;
}

/* A whole life with allocation number `failing` failing. */
static amphi_status live_once(size_t failing)
{
    fake_http fake;
    amphi_engine engine;
    amphi_engine_run *run = NULL;
    verdict v = {0, false, AMPHI_OK};
    const amphi_engine_sink sink = {&v, take_verdict};
    amphi_engine_request request;
    memset(&fake, 0, sizeof fake);
    memset(&request, 0, sizeof request);
    request.struct_size = sizeof request;
    request.body = AMPHI_STR("{\"messages\":[{\"role\":\"assistant\",\"content\":\"a\"}]}");
    request.prefix = AMPHI_STR("b");
    failing_alloc_at(failing);
    amphi_status status = new_engine(&engine, &fake, NULL, no_keys, NULL);
    if (status != AMPHI_OK)
        return status;
    status = engine.ops->start(engine.self, &run, &request, &sink, NULL);
    if (status == AMPHI_OK) {
        fake_headers(&fake, 200);
        fake_body(&fake, "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"Hi\",");
        fake_body(&fake, "\"tool_calls\":[{\"id\":\"a\",\"function\":{}}]}}]}\n\n" STOP DONE);
        fake_end(&fake, AMPHI_OK);
        engine.ops->release(engine.self, run);
        assert_int_equal(v.terminals, 1);
        status = v.finished ? AMPHI_OK : v.status;
    }
    engine.ops->free(engine.self);
    return status;
}

static void memory__every_failing_allocation_is_an_error_and_leaks_nothing(void **state)
{
    size_t failing = 1;
    amphi_status status;
    failing_alloc_install();
    do {
        status = live_once(failing++);
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        assert_int_equal(failing_alloc_live(), 0);
    } while (failing_alloc_failed());
    failing_alloc_remove();
    assert_int_equal(status, AMPHI_OK);
    print_message("%zu allocations\n", failing - 2);
    assert_true(failing > 12); /* it did fail many times before */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run__request_has_the_dialects_url_and_body),
        cmocka_unit_test(run__bytes_are_counted_both_ways),
        cmocka_unit_test(run__end_marker_finishes_and_the_body_is_drained_behind_it),
        cmocka_unit_test(run__body_that_never_ends_is_given_up_after_a_moment),
        cmocka_unit_test(run__engine_can_be_freed_while_a_body_is_drained),
        cmocka_unit_test(run__trimmings_are_waited_for_shortly),
        cmocka_unit_test(run__cancel_between_finish_reason_and_end_marker_is_a_cancel),
        cmocka_unit_test(run__release_in_mid_answer_cancels),
        cmocka_unit_test(run__refused_prefix_is_told),
        cmocka_unit_test(run__failed_start_gives_no_event),
        cmocka_unit_test(describe__says_what_was_configured_and_learnt),
        cmocka_unit_test(options__mistakes_are_named),
        cmocka_unit_test(key__comes_from_the_provider_then_the_file_for_each_request),
        cmocka_unit_test(memory__every_failing_allocation_is_an_error_and_leaks_nothing),
    };
    return cmocka_run_group_tests_name("unit.remote.endpoint", tests, NULL, NULL);
}
