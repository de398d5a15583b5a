/* SPDX-License-Identifier: Apache-2.0
 *
 * See rollout_scene.h.
 */
#include "tests/support/rollout_scene.h"

#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

static void *answer(void *self)
{
    fake_http *fake = self;
    amphi_error error = {.status = fake->fails, .message = "it failed"};
    pthread_mutex_lock(&fake->lock);
    while (fake->hangs && !fake->cancelled)
        pthread_cond_wait(&fake->changed, &fake->lock);
    if (fake->cancelled)
        error.status = AMPHI_E_CANCELLED;
    pthread_mutex_unlock(&fake->lock);
    const char *body = fake->is_signature ? fake->signature : fake->body;
    if (error.status == AMPHI_OK) {
        const amphi_http_header headers[] = {{AMPHI_STR("Content-Type"), AMPHI_STR("x")},
            {AMPHI_STR("ETag"), amphi_str_from(fake->etag)}};
        fake->sink.headers(fake->sink.self, body == NULL && fake->is_signature ? 404 : fake->status,
            headers, fake->etag != NULL ? 2 : 1);
        for (size_t i = 0; i < (fake->body_times > 0 ? fake->body_times : 1); i++)
            for (const char *c = body; c != NULL && *c != '\0'; c += strnlen(c, 7))
                fake->sink.body(fake->sink.self, amphi_str_make(c, strnlen(c, 7)));
    }
    fake->sink.end(fake->sink.self, error.status != AMPHI_OK ? &error : NULL);
    return NULL;
}

static amphi_status fake_start(void *self, amphi_http_exchange **out,
    const amphi_http_request *request, const amphi_http_sink *sink, amphi_error *error)
{
    fake_http *fake = self;
    (void)error;
    fake->requests++;
    fake->is_signature = amphi__str_ends_with(request->url, AMPHI_STR(".jws"));
    fake->signatures += fake->is_signature;
    amphi__str_copy_to(fake->url, sizeof fake->url, request->url);
    fake->sink = *sink;
    fake->cancelled = false;
    fake->body_limit = request->body_limit_bytes;
    fake->if_none_match[0] = '\0';
    for (size_t i = 0; i < request->headers_count; i++) {
        if (amphi__str_equal_c(request->headers[i].name, "If-None-Match")) {
            amphi__str_copy_to(
                fake->if_none_match, sizeof fake->if_none_match, request->headers[i].value);
        }
    }
    *out = (amphi_http_exchange *)fake;
    return pthread_create(&fake->thread, NULL, answer, fake) == 0 ? AMPHI_OK : AMPHI_E_NO_MEMORY;
}

static void fake_cancel(void *self, amphi_http_exchange *exchange)
{
    fake_http *fake = self;
    (void)exchange;
    pthread_mutex_lock(&fake->lock);
    fake->cancelled = true;
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->lock);
}

static void fake_release(void *self, amphi_http_exchange *exchange)
{
    fake_http *fake = self;
    (void)exchange;
    pthread_join(fake->thread, NULL);
}

const amphi_http_ops fake_http_ops = {
    .struct_size = sizeof(amphi_http_ops),
    .name = "fake",
    .start = fake_start,
    .cancel = fake_cancel,
    .release = fake_release,
};

/* ---- the scene ---- */

fake_store store;
fake_http http;
scratch_dir dir;
char source[300];
amphi_policy base;
char scene_keys[200];
int64_t scene_now_s;

static uint64_t scene_us(void *self)
{
    (void)self;
    return 1;
}

static int64_t scene_wall_ms(void *self)
{
    (void)self;
    return scene_now_s * 1000;
}

const amphi_clock scene_clock = {
    .struct_size = sizeof(amphi_clock),
    .name = "scene",
    .monotonic_us = scene_us,
    .wall_ms = scene_wall_ms,
};

int rollout_scene_set_up(void **state)
{
    (void)state;
    memset(&store, 0, sizeof store);
    memset(&http, 0, sizeof http);
    pthread_mutex_init(&http.lock, NULL);
    pthread_cond_init(&http.changed, NULL);
    http.status = 200;
    scene_keys[0] = '\0';
    scene_now_s = 1800000000;
    scratch_dir_make(&dir);
    snprintf(source, sizeof source, "%s", scratch_dir_file(&dir, "rollout.json"));
    amphi__policy_init(&base);
    return 0;
}

int rollout_scene_tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < store.count; i++)
        free(store.settings[i].value);
    scratch_dir_remove(&dir);
    return 0;
}

amphi_rollout *rollout_from(const char *from)
{
    amphi_rollout_options options = {
        .source = amphi_str_from(from),
        .http = {&fake_http_ops, &http},
        .store = {&settings_store_ops, &store},
        .clock = &scene_clock,
        .keys = amphi_str_from(scene_keys),
    };
    amphi_rollout *rollout = NULL;
    amphi_error error;
    assert_int_equal(amphi__rollout_new(&rollout, &options, &error), AMPHI_OK);
    return rollout;
}

void write_source(const char *payload)
{
    scratch_write(source, payload, strlen(payload), 0600);
}

void install_id_is(const char *id)
{
    amphi_error error;
    assert_int_equal(settings_store_ops.setting_put(
                         &store, AMPHI_STR("rollout.install_id"), amphi_str_from(id), &error),
        AMPHI_OK);
    store.puts = 0;
}

amphi_status scene_apply(
    amphi_rollout *rollout, amphi_policy *policy, const amphi_policy *own, amphi_error *error)
{
    amphi_rollout_steering steering;
    const amphi_rollout_target target = {.base = own, .model = ""};
    return amphi__rollout_steer(rollout, &target, policy, &steering, error);
}

amphi_rollout_steering scene_steering(amphi_rollout *rollout, const char *endpoint)
{
    amphi_policy policy;
    amphi_rollout_steering steering;
    const amphi_rollout_target target = {.base = &base, .model = "", .endpoints = {endpoint}};
    assert_int_equal(amphi__rollout_steer(rollout, &target, &policy, &steering, NULL), AMPHI_OK);
    return steering;
}

amphi_policy applied(amphi_rollout *rollout)
{
    amphi_policy policy;
    amphi_error error;
    memset(&policy, 0xa5, sizeof policy);
    assert_int_equal(scene_apply(rollout, &policy, &base, &error), AMPHI_OK);
    return policy;
}

amphi_json *shown(amphi_rollout *rollout)
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

void assert_shows(amphi_rollout *rollout, const char *member, const char *part)
{
    amphi_json *json = shown(rollout);
    amphi_str text = amphi__json_string(amphi__json_get(json, member));
    if (amphi__str_find(text, amphi_str_from(part)) == SIZE_MAX)
        fail_msg("%s is \"%.*s\", not \"%s\"", member, (int)text.size, text.data, part);
    amphi__json_free(json);
}
