/* SPDX-License-Identifier: Apache-2.0
 *
 * The gray release over a store in memory and a transport of the test's own: which install gets
 * what, what is kept, and what a bad payload does (nothing).
 */
#include "policy/policy.h"
#include "sdk/core/clock.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/settings_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- a transport that answers from a script, on a thread of its own ---- */

typedef struct fake_http {
    int status;
    const char *etag, *body;
    size_t body_times;  /* the body is sent this often; 0: once */
    amphi_status fails; /* the exchange ends with this */
    bool hangs;         /* until cancelled */
    /* What was requested. */
    unsigned requests;
    char if_none_match[64];
    uint64_t body_limit;
    /* The exchange under way. */
    amphi_http_sink sink;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool cancelled;
} fake_http;

static void *answer(void *self)
{
    fake_http *http = self;
    amphi_error error = {.status = http->fails, .message = "it failed"};
    pthread_mutex_lock(&http->lock);
    while (http->hangs && !http->cancelled)
        pthread_cond_wait(&http->changed, &http->lock);
    if (http->cancelled)
        error.status = AMPHI_E_CANCELLED;
    pthread_mutex_unlock(&http->lock);
    if (error.status == AMPHI_OK) {
        const amphi_http_header headers[] = {{AMPHI_STR("Content-Type"), AMPHI_STR("x")},
            {AMPHI_STR("ETag"), amphi_str_from(http->etag)}};
        http->sink.headers(http->sink.self, http->status, headers, http->etag != NULL ? 2 : 1);
        for (size_t i = 0; i < (http->body_times > 0 ? http->body_times : 1); i++)
            for (const char *c = http->body; c != NULL && *c != '\0'; c += strnlen(c, 7))
                http->sink.body(http->sink.self, amphi_str_make(c, strnlen(c, 7)));
    }
    http->sink.end(http->sink.self, error.status != AMPHI_OK ? &error : NULL);
    return NULL;
}

static amphi_status fake_start(void *self, amphi_http_exchange **out,
    const amphi_http_request *request, const amphi_http_sink *sink, amphi_error *error)
{
    fake_http *http = self;
    (void)error;
    http->requests++;
    http->sink = *sink;
    http->cancelled = false;
    http->body_limit = request->body_limit_bytes;
    http->if_none_match[0] = '\0';
    for (size_t i = 0; i < request->headers_count; i++) {
        if (amphi__str_equal_c(request->headers[i].name, "If-None-Match")) {
            amphi__str_copy_to(
                http->if_none_match, sizeof http->if_none_match, request->headers[i].value);
        }
    }
    *out = (amphi_http_exchange *)http;
    return pthread_create(&http->thread, NULL, answer, http) == 0 ? AMPHI_OK : AMPHI_E_NO_MEMORY;
}

static void fake_cancel(void *self, amphi_http_exchange *exchange)
{
    fake_http *http = self;
    (void)exchange;
    pthread_mutex_lock(&http->lock);
    http->cancelled = true;
    pthread_cond_broadcast(&http->changed);
    pthread_mutex_unlock(&http->lock);
}

static void fake_release(void *self, amphi_http_exchange *exchange)
{
    fake_http *http = self;
    (void)exchange;
    pthread_join(http->thread, NULL);
}

static const amphi_http_ops http_ops = {
    .struct_size = sizeof(amphi_http_ops),
    .name = "fake",
    .start = fake_start,
    .cancel = fake_cancel,
    .release = fake_release,
};

/* ---- the scene ---- */

static fake_store store;
static fake_http http;
static scratch_dir dir;
static char source[300];
static amphi_policy base;

static int set_up(void **state)
{
    (void)state;
    memset(&store, 0, sizeof store);
    memset(&http, 0, sizeof http);
    pthread_mutex_init(&http.lock, NULL);
    pthread_cond_init(&http.changed, NULL);
    http.status = 200;
    scratch_dir_make(&dir);
    snprintf(source, sizeof source, "%s", scratch_dir_file(&dir, "rollout.json"));
    amphi__policy_init(&base);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < store.count; i++)
        free(store.settings[i].value);
    scratch_dir_remove(&dir);
    return 0;
}

static amphi_rollout *rollout_from(const char *from)
{
    amphi_rollout_options options = {
        .source = amphi_str_from(from),
        .http = {&http_ops, &http},
        .store = {&settings_store_ops, &store},
    };
    amphi_rollout *rollout = NULL;
    amphi_error error;
    assert_int_equal(amphi__rollout_new(&rollout, &options, &error), AMPHI_OK);
    return rollout;
}

static void write_source(const char *payload)
{
    scratch_write(source, payload, strlen(payload), 0600);
}

static void install_id_is(const char *id)
{
    amphi_error error;
    assert_int_equal(settings_store_ops.setting_put(
                         &store, AMPHI_STR("rollout.install_id"), amphi_str_from(id), &error),
        AMPHI_OK);
    store.puts = 0;
}

static amphi_policy applied(amphi_rollout *rollout)
{
    amphi_policy policy;
    amphi_error error;
    memset(&policy, 0xa5, sizeof policy);
    assert_int_equal(amphi__rollout_apply(rollout, &policy, &base, &error), AMPHI_OK);
    return policy;
}

static amphi_json *shown(amphi_rollout *rollout)
{
    amphi_buf text;
    amphi_json *json = NULL;
    amphi_error error;
    amphi__buf_init(&text, 0);
    assert_int_equal(amphi__rollout_show(rollout, &text, &error), AMPHI_OK);
    assert_int_equal(amphi__json_parse(&json, amphi__buf_str(&text), "show", &error), AMPHI_OK);
    static const char *const members[] = {"source", "install_id", "feature", "value", "bucket",
        "coverage", "rule", "why", "held", "payload"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        assert_non_null(amphi__json_get(json, members[i]));
    amphi__buf_clear(&text);
    return json;
}

static void assert_shows(amphi_rollout *rollout, const char *member, const char *part)
{
    amphi_json *json = shown(rollout);
    amphi_str text = amphi__json_string(amphi__json_get(json, member));
    if (amphi__str_find(text, amphi_str_from(part)) == SIZE_MAX)
        fail_msg("%s is \"%.*s\", not \"%s\"", member, (int)text.size, text.data, part);
    amphi__json_free(json);
}

#define KILL_SWITCH                                                                                \
    "{\"features\":{\"amphi.policy\":{\"defaultValue\":{\"local\":{\"enabled\":false}}}}}"
#define QUARTER                                                                                    \
    "{\"features\":{\"amphi.policy\":{\"defaultValue\":null,\"rules\":[{\"force\":{\"mode\":"      \
    "\"only_cloud\"},\"coverage\":0.25,\"hashAttribute\":\"id\"}]}}}"

/* ---- files ---- */

static void file__kill_switch_is_one_line(void **state)
{
    (void)state;
    amphi_rollout *rollout = rollout_from(source);
    assert_shows(rollout, "payload", "none");
    assert_shows(rollout, "why", "no payload yet");
    assert_true(applied(rollout).local_enabled);
    write_source(KILL_SWITCH);
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    assert_false(applied(rollout).local_enabled);
    assert_shows(rollout, "payload", "fresh");
    write_source("{\"features\":{}}"); /* and back */
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    assert_true(applied(rollout).local_enabled);
    assert_shows(rollout, "why", "no feature amphi.policy");
    amphi__rollout_free(rollout);
}

/* Buckets by hand: FNV-1a of id + seed, modulo 1000. */
static void file__coverage_selects_by_the_bucket(void **state)
{
    (void)state;
    unsigned inside = 0;
    write_source(QUARTER);
    for (unsigned i = 0; i < 40; i++) {
        char id[37];
        snprintf(id, sizeof id, "00000000-0000-4000-8000-%012x", i * 7919);
        install_id_is(id);
        amphi_rollout *rollout = rollout_from(source);
        assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
        uint32_t hash = 0x811c9dc5u;
        for (const char *c = id; *c != '\0'; c++)
            hash = (hash ^ (unsigned char)*c) * 0x01000193u;
        for (const char *c = "amphi.policy"; *c != '\0'; c++)
            hash = (hash ^ (unsigned char)*c) * 0x01000193u;
        bool in = (hash % 1000) / 1000.0 <= 0.25;
        inside += in;
        assert_int_equal(applied(rollout).mode, in ? AMPHI_MODE_ONLY_CLOUD : AMPHI_MODE_AUTO);
        amphi_json *json = shown(rollout);
        assert_true(
            amphi__json_number(amphi__json_get(json, "bucket"), -1) == (hash % 1000) / 1000.0);
        assert_int_equal(amphi__json_int(amphi__json_get(json, "rule"), -1), in ? 0 : -1);
        assert_int_equal(amphi__json_count(amphi__json_get(json, "coverage")), 2);
        assert_int_equal(amphi__json_kind(amphi__json_get(json, "value")),
            in ? AMPHI_JSON_OBJECT : AMPHI_JSON_NULL);
        amphi__json_free(json);
        assert_shows(rollout, "why", in ? "inside coverage 0 to 0.25" : "outside coverage");
        amphi__rollout_free(rollout);
    }
    assert_in_range(inside, 3, 20);
}

static void file__conditions_see_platform_and_version(void **state)
{
    (void)state;
    write_source(
        "{\"features\":{\"amphi.policy\":{\"rules\":[{\"condition\":{\"platform\":"
        "\"linux\",\"sdkVersion\":{\"$vgte\":\"0.0.1\"}},\"force\":{\"total_ms\":50999}}]}}}");
    amphi_rollout *rollout = rollout_from(source);
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    assert_int_equal(applied(rollout).total_ms, 50999);
    amphi__rollout_free(rollout);
}

static void install_id__is_made_once_and_kept(void **state)
{
    (void)state;
    char first[37];
    for (int i = 0; i < 2; i++) {
        amphi_rollout *rollout = rollout_from("");
        amphi_json *json = shown(rollout);
        amphi_str id = amphi__json_string(amphi__json_get(json, "install_id"));
        assert_int_equal(id.size, 36);
        if (i == 0)
            amphi__str_copy_to(first, sizeof first, id);
        assert_true(amphi__str_equal_c(id, first));
        amphi__json_free(json);
        assert_shows(rollout, "why", "no rollout source is configured");
        amphi__rollout_free(rollout);
    }
    assert_int_equal(store.puts, 1);
}

static void value__that_does_not_fit_does_not_push_a_good_one_aside(void **state)
{
    (void)state;
    write_source("{\"features\":{\"amphi.policy\":{\"defaultValue\":"
                 "{\"local\":{\"enabled\":false}}}}}");
    amphi_rollout *rollout = rollout_from(source);
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    assert_false(applied(rollout).local_enabled);
    write_source("{\"features\":{\"amphi.policy\":{\"defaultValue\":"
                 "{\"local\":{\"enabled\":true},\"mode\":\"warp\"}}}}");
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_E_FORMAT);
    assert_false(applied(rollout).local_enabled);
    amphi__rollout_free(rollout);
}

static void value__that_does_not_fit_is_ignored_as_a_whole(void **state)
{
    (void)state;
    static const char *const values[] = {
        "{\"mode\":\"only_cloud\",\"battery\":{\"min_percent\":900}}",
        "{\"mode\":\"only_cloud\",\"nope\":1}", "5", "\"only_cloud\"", "[]", "true"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char payload[256];
        snprintf(payload, sizeof payload, "{\"features\":{\"amphi.policy\":{\"defaultValue\":%s}}}",
            values[i]);
        write_source(payload);
        amphi_rollout *rollout = rollout_from(source);
        assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
        amphi_policy policy = applied(rollout);
        assert_memory_equal(&policy, &base, sizeof policy);
        assert_shows(rollout, "why", "the value is ignored: policy");
        amphi__rollout_free(rollout);
    }
}

static void payload__that_is_bad_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        amphi_status status;
    } bad[] = {{"", AMPHI_E_FORMAT}, {"{\"features\":{\"amphi", AMPHI_E_FORMAT},
        {"[]", AMPHI_E_FORMAT}, {"{\"features\":[]}", AMPHI_E_FORMAT},
        {"{\"encryptedFeatures\":\"x\"}", AMPHI_E_UNSUPPORTED}};
    write_source(KILL_SWITCH);
    amphi_rollout *rollout = rollout_from(source);
    amphi_error error;
    assert_int_equal(amphi__rollout_refresh(rollout, 0, &error), AMPHI_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_source(bad[i].payload);
        assert_int_equal(amphi__rollout_refresh(rollout, 0, &error), bad[i].status);
        assert_true(error.message[0] != '\0');
        assert_false(applied(rollout).local_enabled);
        assert_shows(rollout, "why", "last refresh: ");
    }
    remove(source);
    assert_int_equal(amphi__rollout_refresh(rollout, 0, &error), AMPHI_E_NOT_FOUND);
    assert_false(applied(rollout).local_enabled);
    char *large = malloc((1 << 20) + 100);
    memset(large, ' ', (1 << 20) + 100);
    scratch_write(source, large, (1 << 20) + 100, 0600);
    free(large);
    assert_int_equal(amphi__rollout_refresh(rollout, 0, &error), AMPHI_E_LIMIT);
    assert_false(applied(rollout).local_enabled);
    amphi__rollout_free(rollout);
}

static void kept__last_good_payload_survives_a_restart(void **state)
{
    (void)state;
    write_source(KILL_SWITCH);
    amphi_rollout *rollout = rollout_from(source);
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    amphi__rollout_free(rollout);
    unsigned puts = store.puts;
    remove(source);
    rollout = rollout_from(source);
    assert_false(applied(rollout).local_enabled);
    assert_shows(rollout, "payload", "kept");
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_E_NOT_FOUND);
    assert_shows(rollout, "payload", "kept");
    write_source(KILL_SWITCH); /* the same bytes are not written again */
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    assert_int_equal(store.puts, puts);
    amphi__rollout_free(rollout);

    rollout = rollout_from("/another/source.json"); /* another source's payload is not ours */
    assert_true(applied(rollout).local_enabled);
    assert_shows(rollout, "payload", "none");
    amphi__rollout_free(rollout);
}

static void kept__damage_is_as_good_as_none(void **state)
{
    (void)state;
    static const char *const damaged[] = {"", "\n", "{}", "{\"source\":5}\n{}", "garbage\ngarbage"};
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        amphi_error error;
        settings_store_ops.setting_put(
            &store, AMPHI_STR("rollout.payload"), amphi_str_from(damaged[i]), &error);
        amphi_rollout *rollout = rollout_from(source);
        assert_shows(rollout, "payload", "none");
        amphi__rollout_free(rollout);
    }
}

static void kept__a_full_disk_does_not_stop_the_payload(void **state)
{
    (void)state;
    write_source(KILL_SWITCH);
    amphi_rollout *rollout = rollout_from(source);
    store.refuse_puts = true;
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    assert_false(applied(rollout).local_enabled);
    amphi__rollout_free(rollout);
}

/* ---- URLs ---- */

#define URL "https://cdn.example/rollout.json"

static void url__etag_is_kept_and_304_confirms(void **state)
{
    (void)state;
    http.etag = "\"v1\"";
    http.body = KILL_SWITCH;
    amphi_rollout *rollout = rollout_from(URL);
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    assert_string_equal(http.if_none_match, "");
    assert_int_equal(http.body_limit, 1 << 20);
    assert_false(applied(rollout).local_enabled);
    amphi__rollout_free(rollout);

    rollout = rollout_from(URL); /* a new start */
    assert_shows(rollout, "payload", "kept");
    http.status = 304;
    http.body = NULL;
    unsigned puts = store.puts;
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    assert_string_equal(http.if_none_match, "\"v1\"");
    assert_shows(rollout, "payload", "fresh");
    assert_false(applied(rollout).local_enabled);
    assert_int_equal(store.puts, puts);

    http.status = 200; /* a new version, without a tag */
    http.etag = NULL;
    http.body = QUARTER;
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    assert_true(applied(rollout).local_enabled);
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    assert_string_equal(http.if_none_match, "");
    assert_int_equal(http.requests, 4);
    amphi__rollout_free(rollout);
}

static void url__failures_leave_the_last_good_one(void **state)
{
    (void)state;
    amphi_error error;
    http.body = KILL_SWITCH;
    amphi_rollout *rollout = rollout_from(URL);
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, &error), AMPHI_OK);
    static const struct {
        int http;
        amphi_status fails, status;
    } table[] = {{404, 0, AMPHI_E_NOT_FOUND}, {500, 0, AMPHI_E_PROVIDER}, {403, 0, AMPHI_E_AUTH},
        {302, 0, AMPHI_E_REQUEST}, {304, 0, AMPHI_E_REQUEST}, {429, 0, AMPHI_E_RATE_LIMITED},
        {200, AMPHI_E_TRUNCATED, AMPHI_E_TRUNCATED}, {200, AMPHI_E_TLS, AMPHI_E_TLS}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        http.status = table[i].http;
        http.fails = table[i].fails;
        assert_int_equal(amphi__rollout_refresh(rollout, 5000, &error), table[i].status);
        assert_false(applied(rollout).local_enabled);
    }
    http.fails = AMPHI_OK;
    http.status = 200;
    http.body_times = 20000; /* 1.6 MB from a transport that does not count */
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, &error), AMPHI_E_LIMIT);
    assert_false(applied(rollout).local_enabled);
    amphi__rollout_free(rollout);
}

static void url__silence_ends_at_the_timeout(void **state)
{
    (void)state;
    amphi_error error;
    http.hangs = true;
    amphi_rollout *rollout = rollout_from(URL);
    assert_int_equal(amphi__rollout_refresh(rollout, 50, &error), AMPHI_E_TIMEOUT);
    assert_true(http.cancelled);
    http.hangs = false;
    http.body = KILL_SWITCH;
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, &error), AMPHI_OK);
    assert_false(applied(rollout).local_enabled);
    amphi__rollout_free(rollout);
}

static void *stop_soon(void *rollout)
{
    usleep(100000);
    amphi__rollout_stop(rollout);
    return NULL;
}

static void url__a_fetch_ends_when_the_rollout_is_stopped(void **state)
{
    (void)state;
    amphi_error error;
    pthread_t stopper;
    http.hangs = true;
    amphi_rollout *rollout = rollout_from(URL);
    assert_int_equal(pthread_create(&stopper, NULL, stop_soon, rollout), 0);
    uint64_t begun_ms = amphi__clock_ms(&amphi__clock_system);
    assert_int_equal(amphi__rollout_refresh(rollout, 60000, &error), AMPHI_E_CANCELLED);
    assert_in_range(amphi__clock_ms(&amphi__clock_system) - begun_ms, 0, 10000);
    assert_true(http.cancelled);
    pthread_join(stopper, NULL);
    assert_int_equal(amphi__rollout_refresh(rollout, 60000, &error), AMPHI_E_CANCELLED);
    http.hangs = false;
    amphi__rollout_free(rollout);
}

static void url__plain_http_is_not_even_tried(void **state)
{
    (void)state;
    amphi_error error;
    amphi_rollout *rollout = rollout_from("http://cdn.example/rollout.json");
    assert_int_equal(amphi__rollout_refresh(rollout, 1000, &error), AMPHI_E_ARGUMENT);
    assert_int_equal(http.requests, 0);
    amphi__rollout_free(rollout);
}

/* ---- every allocation fails in turn ---- */

static amphi_status whole_life(void)
{
    amphi_rollout_options options = {
        .source = amphi_str_from(URL),
        .http = {&http_ops, &http},
        .store = {&settings_store_ops, &store},
    };
    amphi_rollout *rollout = NULL;
    amphi_policy policy;
    amphi_buf text;
    amphi_error error;
    amphi__buf_init(&text, 0);
    amphi_status status = amphi__rollout_new(&rollout, &options, &error);
    if (status == AMPHI_OK)
        status = amphi__rollout_refresh(rollout, 5000, &error);
    if (status == AMPHI_OK)
        status = amphi__rollout_apply(rollout, &policy, &base, &error);
    if (status == AMPHI_OK) {
        assert_false(policy.local_enabled);
        status = amphi__rollout_show(rollout, &text, &error);
    }
    amphi__buf_clear(&text);
    amphi__rollout_free(rollout);
    return status;
}

static void memory__every_failed_allocation_is_survived(void **state)
{
    (void)state;
    http.etag = "\"v1\"";
    http.body = KILL_SWITCH;
    assert_int_equal(whole_life(), AMPHI_OK); /* so that there is something kept as well */
    failing_alloc_install();
    bool failed;
    size_t n = 1;
    do {
        failing_alloc_at(n++);
        amphi_status status = whole_life();
        failed = failing_alloc_failed();
        if (status != AMPHI_OK && status != AMPHI_E_NO_MEMORY)
            fail_msg("allocation %zu: %s", n - 1, amphi_status_name(status));
        assert_int_equal(failing_alloc_live(), 0);
    } while (failed);
    failing_alloc_remove();
    assert_in_range(n, 20, 2000);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(file__kill_switch_is_one_line),
        SCENE(file__coverage_selects_by_the_bucket),
        SCENE(file__conditions_see_platform_and_version),
        SCENE(install_id__is_made_once_and_kept),
        SCENE(value__that_does_not_fit_does_not_push_a_good_one_aside),
        SCENE(value__that_does_not_fit_is_ignored_as_a_whole),
        SCENE(payload__that_is_bad_changes_nothing),
        SCENE(kept__last_good_payload_survives_a_restart),
        SCENE(kept__damage_is_as_good_as_none),
        SCENE(kept__a_full_disk_does_not_stop_the_payload),
        SCENE(url__etag_is_kept_and_304_confirms),
        SCENE(url__failures_leave_the_last_good_one),
        SCENE(url__silence_ends_at_the_timeout),
        SCENE(url__a_fetch_ends_when_the_rollout_is_stopped),
        SCENE(url__plain_http_is_not_even_tried),
        SCENE(memory__every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
