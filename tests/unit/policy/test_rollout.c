/* SPDX-License-Identifier: Apache-2.0
 *
 * The gray release over a store in memory and a transport of the test's own: which install gets
 * what, what is kept, and what a bad payload does (nothing).
 */
#include "policy/policy.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/rollout_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

static void value__that_does_not_fit_is_refused_by_name(void **state)
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
        assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_E_FORMAT);
        amphi_policy policy = applied(rollout);
        assert_memory_equal(&policy, &base, sizeof policy);
        assert_shows(rollout, "why", "rollout: the payload is refused: policy");
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
}

/* A new URL while the network is gone must not lift a kill switch. */
static void kept__holds_until_a_new_source_has_answered(void **state)
{
    (void)state;
    write_source(KILL_SWITCH);
    http.etag = "\"old\"";
    amphi_rollout *rollout = rollout_from(source);
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    amphi__rollout_free(rollout);

    http.fails = AMPHI_E_OFFLINE;
    rollout = rollout_from(URL);
    assert_false(applied(rollout).local_enabled);
    assert_shows(rollout, "payload", "kept");
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_E_OFFLINE);
    assert_false(applied(rollout).local_enabled);
    http.fails = AMPHI_OK;
    http.body = QUARTER;
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    assert_string_equal(http.if_none_match, ""); /* the old source's tag is none of the new one's */
    assert_true(applied(rollout).local_enabled);
    assert_shows(rollout, "payload", "fresh");
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
    assert_false(amphi__rollout_is_url(AMPHI_STR("https.json")));
    assert_false(amphi__rollout_is_url(AMPHI_STR("/etc/http://x")));
    assert_true(amphi__rollout_is_url(AMPHI_STR("Http://x")));
    http.body = KILL_SWITCH; /* a scheme has no case */
    rollout = rollout_from("HTTPS://cdn.example/rollout.json");
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, &error), AMPHI_OK);
    assert_int_equal(http.requests, 1);
    amphi__rollout_free(rollout);
}

/* ---- every allocation fails in turn ---- */

static amphi_status whole_life(void)
{
    amphi_rollout_options options = {
        .source = amphi_str_from(URL),
        .http = {&fake_http_ops, &http},
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
        status = scene_apply(rollout, &policy, &base, &error);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(file__kill_switch_is_one_line),
        SCENE(file__coverage_selects_by_the_bucket),
        SCENE(file__conditions_see_platform_and_version),
        SCENE(install_id__is_made_once_and_kept),
        SCENE(value__that_does_not_fit_does_not_push_a_good_one_aside),
        SCENE(value__that_does_not_fit_is_refused_by_name),
        SCENE(payload__that_is_bad_changes_nothing),
        SCENE(kept__last_good_payload_survives_a_restart),
        SCENE(kept__holds_until_a_new_source_has_answered),
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
