/* SPDX-License-Identifier: Apache-2.0
 *
 * The app's threads: everything here is quick bookkeeping under one lock. The work is done by the
 * supervisor (local/parent/supervisor.c), whose thread starts when it is first needed and ends in
 * free().
 */
#include "local/process_engine.h"

#include "local/compute/kernels.h"
#include "local/limits.h"
#include "local/parent/supervisor.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/sentence.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <amphi/version.h>

#include <sys/eventfd.h>
#include <unistd.h>

#define DESCRIBE_WAIT_US   2000000u
#define PASSING_FAILURE_US 2000000u /* then a failed start is tried again */

/* Under the lock. */
static amphi_status thread_start(amphi_local *local)
{
    if (local->thread.started)
        return AMPHI_OK;
    return amphi__thread_start(&local->thread, "amphi-local", amphi__supervisor_run, local);
}

/* ---- describe ---- */

/* Under the lock. true: the description is of this file, and not a failure that may have passed. */
static bool described_is_fresh(const amphi_local *local, const amphi_file_key *key)
{
    const amphi_local_described *described = &local->described;
    return described->known && amphi__file_key_equal(&described->key, key) &&
           (!described->passing ||
               amphi__clock_boot_us(NULL) - described->at_us < PASSING_FAILURE_US);
}

static void describe_wait(amphi_local *local, const amphi_file_key *key)
{
    local->want_describe = true;
    if (thread_start(local) != AMPHI_OK)
        return;
    amphi__supervisor_wake(local);
    amphi_awake awake = {0};
    uint64_t until_us = amphi__awake_us(&awake, NULL) + DESCRIBE_WAIT_US;
    while (local->want_describe && !described_is_fresh(local, key)) {
        uint64_t now_us = amphi__awake_us(&awake, NULL);
        if (now_us >= until_us)
            return;
        if (!amphi__cond_wait_us(&local->changed, &local->lock,
                until_us - now_us < AMPHI_LOCAL_WAIT_SLICE_US ? until_us - now_us
                                                              : AMPHI_LOCAL_WAIT_SLICE_US))
            amphi__spawn_timeout_check(local);
    }
}

static void fill_info(const amphi_local *local, const amphi_file_key *key, amphi_engine_info *out)
{
    const amphi_local_described *described = &local->described;
    const amphi_worker_described *model = &described->model;
    if (!described->known || !amphi__file_key_equal(&described->key, key)) {
        snprintf(out->why, sizeof out->why, "the engine process is still starting");
        out->failure = AMPHI_E_BUSY;
        return;
    }
    out->failure = described->status;
    if (described->status != AMPHI_OK) {
        amphi__str_copy_to(out->why, sizeof out->why, amphi_str_from(described->why));
        return;
    }
    out->failure = AMPHI_OK;
    out->available = true;
    out->ready = local->ready;
    snprintf(out->model, sizeof out->model, "%s", model->name);
    out->weights_bytes = model->weights_bytes;
    out->tools = model->has_tools != 0;
    if (!local->is_named)
        out->scope = (amphi_model_scope)model->scope;
    out->kv_bytes_per_token = model->kv_bytes_per_token;
    out->scratch_bytes = model->scratch_bytes;
    out->context_tokens_max = model->context_tokens_max;
    if (out->context_tokens_max == 0 || out->context_tokens_max > local->context_tokens_max)
        out->context_tokens_max = local->context_tokens_max;
}

/* Makes local->identity again when a file changed; reads 256 KiB at most. */
static void refresh_identity(amphi_local *local, const amphi_file_key *model)
{
    amphi_local_identity made = {.model = *model};
    char path[AMPHI_LOCAL_PATH_MAX] = "";
    if (local->worker_path[0] != '\0')
        snprintf(path, sizeof path, "%s", local->worker_path);
    else
        (void)amphi__local_worker_path(path, sizeof path, NULL);
    amphi__file_key(path, &made.worker);
    char head[AMPHI_LOCAL_PATH_MAX + sizeof AMPHI_HEAD_SUFFIX];
    snprintf(head, sizeof head, "%s%s", local->model_path, AMPHI_HEAD_SUFFIX);
    amphi__file_key(head, &made.head);
    amphi__mutex_lock(&local->lock);
    bool fresh = amphi__file_key_equal(&local->identity.model, &made.model) &&
                 amphi__file_key_equal(&local->identity.worker, &made.worker) &&
                 amphi__file_key_equal(&local->identity.head, &made.head);
    amphi__mutex_unlock(&local->lock);
    if (fresh)
        return;
    (void)amphi__fingerprint(local->model_path, made.fingerprint);
    char worker[AMPHI_FINGERPRINT_MAX];
    (void)amphi__fingerprint(path, worker);
    made.judge = amphi__run_judge_kind(local->model_path);
    snprintf(made.build, sizeof made.build, "%.12s+%.12s", amphi_version(), worker);
    amphi__mutex_lock(&local->lock);
    local->identity = made;
    amphi__mutex_unlock(&local->lock);
}

/* Fills in what is known without running anything. *key: of the model file, if AMPHI_OK. */
static amphi_status identify(
    amphi_local *local, amphi_engine_info *out, amphi_file_key *key, amphi_error *error)
{
    amphi_engine_info_init(out);
    out->kind = AMPHI_ENGINE_LOCAL;
    out->prefix = AMPHI_YES;
    out->scope = local->is_named ? AMPHI_SCOPE_CHAT : AMPHI_SCOPE_HELP; /* until it is read */
    snprintf(out->name, sizeof out->name, "local");
    const amphi_kernels *kernels = NULL;
    if (amphi__kernels_choose(&kernels, amphi_str_make(NULL, 0), NULL) == AMPHI_OK)
        snprintf(out->kernels, sizeof out->kernels, "%s", kernels->name);
    amphi_status status = amphi__model_key(local, key, error);
    if (status != AMPHI_OK)
        return status;
    refresh_identity(local, key);
    amphi__mutex_lock(&local->lock);
    snprintf(out->fingerprint, sizeof out->fingerprint, "%s", local->identity.fingerprint);
    snprintf(out->build, sizeof out->build, "%s", local->identity.build);
    out->judge = local->identity.judge;
    amphi__mutex_unlock(&local->lock);
    return AMPHI_OK;
}

static void engine_identify(void *self, amphi_engine_info *out)
{
    amphi_file_key key;
    amphi_engine_info own;
    (void)identify(self, &own, &key, NULL);
    AMPHI__SIZED_WRITE(out, &own);
}

static void describe(amphi_local *local, amphi_engine_info *out)
{
    amphi_file_key key;
    amphi_error error;
    amphi_status status = identify(local, out, &key, &error);
    out->failure = AMPHI_E_NOT_FOUND;
    if (status != AMPHI_OK) {
        amphi__sentence_copy(out->why, sizeof out->why, amphi_str_from(error.message));
        return;
    }
    amphi__mutex_lock(&local->lock);
    if (!described_is_fresh(local, &key))
        describe_wait(local, &key);
    if (local->runs.current != NULL && local->described.known)
        key = local->described.key; /* it keeps the file that it loaded until the run ends */
    fill_info(local, &key, out);
    out->deaths_early = local->deaths.early;
    out->deaths_late = local->deaths.late;
    out->deaths_memory = local->deaths.memory;
    out->deaths_outside = local->deaths.outside;
    amphi__mutex_unlock(&local->lock);
}

static void engine_describe(void *self, amphi_engine_info *out)
{
    amphi_engine_info own;
    describe(self, &own);
    AMPHI__SIZED_WRITE(out, &own);
}

/* ---- runs ---- */

static amphi_status engine_start(void *self, amphi_engine_run **out,
    const amphi_engine_request *request, const amphi_engine_sink *sink, amphi_error *error)
{
    amphi_local *local = self;
    *out = NULL;
    amphi_engine_run *run = NULL;
    amphi_status status =
        amphi__run_new(&run, request, sink, local->threads, local->context_tokens_max, error);
    if (status != AMPHI_OK)
        return status;
    amphi__run_judge_begin(run, local->model_path, local->has_judge ? &local->judge : NULL);
    amphi__mutex_lock(&local->lock);
    status = thread_start(local);
    if (status == AMPHI_OK)
        status = amphi__run_queue_add(&local->runs, run);
    if (status == AMPHI_OK)
        *out = run;
    amphi__mutex_unlock(&local->lock);
    if (status != AMPHI_OK) {
        amphi__run_free(run);
        return amphi__run_queue_refused(status, error);
    }
    amphi__supervisor_wake(local);
    return AMPHI_OK;
}

static void engine_cancel(void *self, amphi_engine_run *run)
{
    amphi_local *local = self;
    amphi__mutex_lock(&local->lock);
    run->cancelled = true;
    amphi__mutex_unlock(&local->lock);
    amphi__supervisor_wake(local);
}

static void engine_release(void *self, amphi_engine_run *run)
{
    if (run == NULL)
        return;
    engine_cancel(self, run);
    amphi_local *local = self;
    amphi__mutex_lock(&local->lock);
    while (!run->ended)
        if (!amphi__cond_wait_us(&local->changed, &local->lock, AMPHI_LOCAL_WAIT_SLICE_US))
            amphi__spawn_timeout_check(local);
    amphi__mutex_unlock(&local->lock);
    amphi__run_free(run);
}

/* ---- counting ---- */

static amphi_status engine_count_tokens(void *self, amphi_str body, uint32_t *out)
{
    amphi_local *local = self;
    amphi_status status = AMPHI_E_BUSY;
    amphi__mutex_lock(&local->lock);
    if (local->ready && local->runs.count == 0 && local->count.step == AMPHI_COUNT_FREE &&
        body.size > 0 && body.size <= AMPHI_LOCAL_BODY_MAX) {
        amphi__token_count_ask(&local->count, body);
        amphi__supervisor_wake(local);
        status = amphi__token_count_wait(&local->count, &local->lock, &local->changed, out);
    }
    amphi__mutex_unlock(&local->lock);
    return status;
}

/* ---- loading and the end ---- */

static void engine_prewarm(void *self)
{
    amphi_local *local = self;
    amphi__mutex_lock(&local->lock);
    local->want_load = thread_start(local) == AMPHI_OK;
    amphi__mutex_unlock(&local->lock);
    amphi__supervisor_wake(local);
}

/* Runs that are started after this call are not affected. */
static void engine_unload(void *self, bool force)
{
    amphi_local *local = self;
    amphi__mutex_lock(&local->lock);
    if (force)
        amphi__run_queue_evict(&local->runs);
    if (force || local->runs.count == 0) {
        local->want_unload = true;
        local->want_load = false;
    }
    amphi__mutex_unlock(&local->lock);
    amphi__supervisor_wake(local);
}

static void engine_free(void *self)
{
    amphi_local *local = self;
    if (local == NULL)
        return;
    if (local->wake_fd >= 0) { /* else it was never complete, and no thread was started */
        amphi__mutex_lock(&local->lock);
        local->want_stop = true;
        amphi__mutex_unlock(&local->lock);
        amphi__supervisor_wake(local);
        amphi__mutex_lock(&local->lock);
        while (local->thread.started && !local->finished)
            if (!amphi__cond_wait_us(&local->changed, &local->lock, AMPHI_LOCAL_WAIT_SLICE_US))
                amphi__spawn_timeout_check(local);
        amphi__mutex_unlock(&local->lock);
        amphi__thread_join(&local->thread);
        close(local->wake_fd);
    }
    amphi__cond_clear(&local->changed);
    amphi__mutex_clear(&local->lock);
    amphi__free(local);
}

static const amphi_engine_ops process_ops = {
    .struct_size = sizeof(amphi_engine_ops),
    .name = "local",
    .describe = engine_describe,
    .start = engine_start,
    .cancel = engine_cancel,
    .release = engine_release,
    .count_tokens = engine_count_tokens,
    .prewarm = engine_prewarm,
    .unload = engine_unload,
    .free = engine_free,
    .identify = engine_identify,
};

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

/* Where a request's own budgets are shorter it goes to another route; a hang is found out all the
 * same and enters the crash ledger, as a death outside of an attempt. Between two tokens the limit
 * is a little less than the policy's default (5 s), so that a hang is reported as one. */
static void copy_options(amphi_local *local, const amphi_local_options *options)
{
    amphi__str_copy_to(local->model_path, sizeof local->model_path, options->model_path);
    amphi__str_copy_to(local->worker_path, sizeof local->worker_path, options->worker_path);
    local->is_named = options->is_named;
    local->threads = options->threads;
    local->context_tokens_max = options->context_tokens_max;
    local->limits.start_ms = or_default(options->limits.start_ms, 10000);
    local->limits.load_ms = or_default(options->limits.load_ms, 18000);
    local->limits.prefill_ms = or_default(options->limits.prefill_ms, 18000);
    local->limits.token_ms = or_default(options->limits.token_ms, 4500);
    local->log = options->log;
    local->has_judge = options->judge != NULL;
    if (local->has_judge)
        local->judge = *options->judge;
}

amphi_status amphi__process_engine_new(
    amphi_engine *out, const amphi_local_options *options, amphi_error *error)
{
    amphi_local *local = amphi__calloc(1, sizeof *local);
    if (local == NULL)
        return amphi__fail_no_memory(error);
    local->wake_fd = -1;
    amphi__worker_init(&local->worker);
    copy_options(local, options);
    amphi_status status = amphi__mutex_init(&local->lock);
    if (status == AMPHI_OK)
        status = amphi__cond_init(&local->changed);
    if (status != AMPHI_OK) {
        (void)amphi__fail_no_memory(error);
        goto cleanup;
    }
    local->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (local->wake_fd < 0) {
        status = amphi__fail(error, AMPHI_E_IO, 0, "no more file descriptors for the local engine");
        goto cleanup;
    }
    out->ops = &process_ops;
    out->self = local;
    local = NULL; /* the engine owns it now */
cleanup:
    engine_free(local);
    return status;
}

amphi_status amphi__process_engine_cage(const amphi_engine *engine, uint32_t *missing)
{
    if (engine->ops != &process_ops)
        return AMPHI_E_ARGUMENT;
    amphi_local *local = engine->self;
    amphi__mutex_lock(&local->lock);
    bool known = local->cage_known;
    *missing = local->cage_missing;
    amphi__mutex_unlock(&local->lock);
    return known ? AMPHI_OK : AMPHI_E_NOT_FOUND;
}
