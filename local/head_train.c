/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi/model.h: training and trying the head of a model. Each prompt is run through the engine as
 * chat runs it, in its jail, for as many tokens as are judged; a judge that only takes notes gets
 * the evidence. The rest is arithmetic (local/judge/head_choice.h).
 */
#include <amphi/model.h>

#include "local/judge/head_choice.h"
#include "local/judge/head_fit.h"
#include "local/local.h"
#include "local/model/fingerprint.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"
#include "sdk/core/thread.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum {
    TOKENS_USUAL = 8,
    ROWS_MIN = 40,
    KIND_MIN = 10, /* right ones, and wrong ones */
    ROWS_MAX = 100000,
    PATH_BYTES = 4096
};

/* One training or trial. */
typedef struct head_work {
    amphi_head_options options;
    char model_path[PATH_BYTES];
    uint32_t tokens;
    amphi_head head; /* test: the one beside the model */
    amphi_engine engine;
    amphi_head_rows rows;
    double *scores; /* of each row: the head's, as logarithms of odds */
    size_t scores_room;
    size_t skipped;

    amphi_mutex lock; /* between the engine's thread and this one */
    amphi_cond changed;
    bool has_ended;
    amphi_error failure; /* of the run under way */
    bool is_right;       /* what the row says */
    amphi_status noted;  /* of the note taken of it; AMPHI_E_NOT_FOUND: none so far */
} head_work;

/* ---- what the engine says ---- */

/* The judge that takes notes: of the last verdict only, when all tokens have come. */
static double take_note(const void *self, const amphi_evidence *evidence)
{
    head_work *work = *(head_work *const *)self;
    amphi__mutex_lock(&work->lock);
    if (work->noted == AMPHI_OK)
        work->rows.count--; /* of fewer tokens */
    work->noted = amphi__head_rows_add(&work->rows, evidence, work->is_right);
    if (work->noted == AMPHI_OK && work->head.weights != NULL) {
        amphi_judge judge = amphi__judge_head(&work->head);
        double right = judge.ops->right(judge.self, evidence);
        work->scores[work->rows.count - 1] = right;
    }
    amphi__mutex_unlock(&work->lock);
    return -1;
}

static void on_event(void *self, const amphi_engine_event *event)
{
    head_work *work = self;
    if (event->kind != AMPHI_ENGINE_FINISH && event->kind != AMPHI_ENGINE_FAIL)
        return;
    amphi__mutex_lock(&work->lock);
    work->has_ended = true;
    amphi__error_clear(&work->failure);
    if (event->kind == AMPHI_ENGINE_FAIL)
        work->failure = *event->error;
    amphi__cond_broadcast(&work->changed);
    amphi__mutex_unlock(&work->lock);
}

/* ---- one prompt ---- */

static amphi_status run_body(head_work *work, amphi_str body, amphi_error *error)
{
    const amphi_engine_sink sink = {work, on_event};
    amphi_engine_run *run = NULL;
    amphi_engine_request request;
    amphi_engine_request_init(&request);
    request.body = body;
    request.judge_tokens = work->tokens;
    work->has_ended = false;
    work->noted = AMPHI_E_NOT_FOUND;
    amphi_status status = work->engine.ops->start(work->engine.self, &run, &request, &sink, error);
    if (status != AMPHI_OK)
        return status;
    amphi__mutex_lock(&work->lock);
    while (!work->has_ended)
        amphi__cond_wait(&work->changed, &work->lock);
    amphi__mutex_unlock(&work->lock);
    work->engine.ops->release(work->engine.self, run);
    if (work->failure.status == AMPHI_E_CONTEXT_LENGTH) {
        work->skipped++;
        return AMPHI_OK;
    }
    if (work->failure.status != AMPHI_OK) {
        if (error != NULL)
            *error = work->failure;
        return work->failure.status;
    }
    if (work->noted == AMPHI_E_NO_MEMORY)
        return amphi__fail_no_memory(error);
    if (work->noted == AMPHI_E_FORMAT)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "head: this model's states are wider than %u values", AMPHI_STATE_VALUES_MAX);
    return AMPHI_OK;
}

static amphi_status write_body(const head_work *work, amphi_str prompt, amphi_buf *out)
{
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_open(&writer, "messages", '[');
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_str(&writer, "role", AMPHI_STR("user"));
    amphi__json_put_str(&writer, "content", prompt);
    amphi__json_close(&writer, '}');
    amphi__json_close(&writer, ']');
    amphi__json_put_int(&writer, "max_tokens", work->tokens);
    amphi__json_put_int(&writer, "temperature", 0);
    amphi__json_close(&writer, '}');
    return out->status;
}

static amphi_status make_room(head_work *work)
{
    size_t room = work->scores_room > 0 ? work->scores_room * 2 : 64;
    if (work->rows.count < work->scores_room)
        return AMPHI_OK;
    double *grown = amphi__realloc_array(work->scores, room, sizeof *grown);
    if (grown == NULL)
        return AMPHI_E_NO_MEMORY;
    work->scores = grown;
    work->scores_room = room;
    return AMPHI_OK;
}

static amphi_status run_line(head_work *work, amphi_str line, size_t number, amphi_error *error)
{
    char what[40];
    amphi_json *row = NULL;
    amphi_buf body;
    snprintf(what, sizeof what, "rows: line %zu", number);
    amphi_status status = amphi__json_parse(&row, line, what, error);
    if (status != AMPHI_OK)
        return status;
    const amphi_json *prompt = amphi__json_get(row, "prompt");
    amphi_json_kind right = amphi__json_kind(amphi__json_get(row, "right"));
    amphi__buf_init(&body, 0);
    if (!amphi__json_is_string(prompt) || right != AMPHI_JSON_BOOL) {
        status = amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "%s: it takes {\"prompt\":\"...\",\"right\":true or false}", what);
        goto cleanup;
    }
    work->is_right = amphi__json_bool(amphi__json_get(row, "right"), false);
    status = write_body(work, amphi__json_string(prompt), &body);
    if (status == AMPHI_OK)
        status = make_room(work);
    status = status == AMPHI_OK ? run_body(work, amphi__buf_str(&body), error)
                                : amphi__fail_no_memory(error);
cleanup:
    amphi__buf_wipe(&body);
    amphi__json_free(row);
    return status;
}

static bool goes_on(const head_work *work, size_t done)
{
    size_t size = work->options.rows.size;
    return work->options.progress == NULL ||
           work->options.progress(
               work->options.user, size > 0 ? (uint32_t)((double)done * 1000 / (double)size) : 0);
}

static amphi_status run_rows(head_work *work, amphi_error *error)
{
    amphi_str rows = work->options.rows;
    amphi_status status = AMPHI_OK;
    size_t number = 1;
    for (size_t from = 0; from < rows.size && status == AMPHI_OK; number++) {
        const char *end = memchr(rows.data + from, '\n', rows.size - from);
        size_t to = end != NULL ? (size_t)(end - rows.data) : rows.size;
        amphi_str line = amphi__str_trim(amphi__str_slice(rows, from, to));
        from = to + 1;
        if (!goes_on(work, to))
            return amphi__fail(error, AMPHI_E_CANCELLED, 0, "head: stopped");
        if (line.size > 0)
            status = run_line(work, line, number, error);
        if (work->rows.count > ROWS_MAX)
            status = amphi__fail(error, AMPHI_E_LIMIT, 0, "rows: more than %d", ROWS_MAX);
    }
    return status;
}

/* ---- the report ---- */

static size_t count_right(const amphi_head_rows *rows)
{
    size_t right = 0;
    for (size_t i = 0; i < rows->count; i++)
        right += rows->right[i];
    return right;
}

static double rounded(double value)
{
    return round(value * 1e4) / 1e4;
}

/* scores: how likely each row is right, by the head. penalty: 0 when none was chosen. */
static amphi_status write_report(
    const head_work *work, const amphi_head *head, double penalty, double auc, char **out)
{
    const amphi_head_rows *rows = &work->rows;
    amphi_json_writer writer;
    amphi_buf json;
    amphi__buf_init(&json, 0);
    amphi__json_writer_init(&writer, &json);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_int(&writer, "rows", (int64_t)rows->count);
    amphi__json_put_int(&writer, "right", (int64_t)count_right(rows));
    amphi__json_put_int(&writer, "skipped", (int64_t)work->skipped);
    amphi__json_put_int(&writer, "tokens", head->tokens);
    amphi__json_put_int(&writer, "depth", head->depth);
    amphi__json_put_str(
        &writer, "pool", head->pool == AMPHI_POOL_MEAN ? AMPHI_STR("mean") : AMPHI_STR("first"));
    if (penalty > 0)
        amphi__json_put_number(&writer, "penalty", penalty);
    amphi__json_put_number(&writer, "auc", rounded(auc));
    amphi__json_put_number(
        &writer, "auc_logits", rounded(amphi__roc_area(rows->logits, rows->right, rows->count)));
    amphi__json_open(&writer, "scores", '[');
    for (size_t i = 0; i < rows->count; i++) {
        amphi__json_open(&writer, NULL, '[');
        amphi__json_put_bool(&writer, NULL, rows->right[i]);
        amphi__json_put_number(&writer, NULL, rounded(work->scores[i]));
        amphi__json_put_number(&writer, NULL, rounded(rows->logits[i]));
        amphi__json_open(&writer, NULL, '[');
        for (size_t n = 0; n < AMPHI_EVIDENCE_NUMBERS; n++)
            amphi__json_put_number(
                &writer, NULL, rounded((double)rows->numbers[i * AMPHI_EVIDENCE_NUMBERS + n]));
        amphi__json_close(&writer, ']');
        amphi__json_close(&writer, ']');
    }
    amphi__json_close(&writer, ']');
    amphi__json_close(&writer, '}');
    *out = amphi__buf_take(&json);
    return *out != NULL ? AMPHI_OK : AMPHI_E_NO_MEMORY;
}

/* ---- the head's file ---- */

static amphi_status write_whole(const char *path, amphi_str bytes)
{
    char temporary[PATH_BYTES + 8];
    snprintf(temporary, sizeof temporary, "%s.part", path);
    FILE *file = fopen(temporary, "wbe");
    bool is_good = file != NULL && fwrite(bytes.data, 1, bytes.size, file) == bytes.size &&
                   fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (file != NULL && fclose(file) != 0)
        is_good = false;
    if (is_good && rename(temporary, path) == 0)
        return AMPHI_OK;
    if (file != NULL)
        (void)remove(temporary);
    return AMPHI_E_IO;
}

static amphi_status save(head_work *work, const amphi_head *head, amphi_error *error)
{
    char path[PATH_BYTES];
    amphi_buf bytes;
    int size = work->options.out_path.size > 0
                   ? snprintf(path, sizeof path, "%.*s", (int)work->options.out_path.size,
                         work->options.out_path.data)
                   : snprintf(path, sizeof path, "%s%s", work->model_path, AMPHI_HEAD_SUFFIX);
    if (size < 0 || (size_t)size >= sizeof path)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "options.out_path: too long");
    amphi__buf_init(&bytes, AMPHI_HEAD_BYTES_MAX);
    amphi_status status = amphi__head_write(head, &bytes);
    if (status == AMPHI_OK && write_whole(path, amphi__buf_str(&bytes)) != AMPHI_OK)
        status = amphi__fail(error, AMPHI_E_IO, 0, "head: %.180s can't be written", path);
    else if (status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    amphi__buf_clear(&bytes);
    return status;
}

/* ---- both calls ---- */

static amphi_status check_rows(const amphi_head_rows *rows, amphi_error *error)
{
    size_t right = count_right(rows);
    if (rows->count >= ROWS_MIN && right >= KIND_MIN && rows->count - right >= KIND_MIN)
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
        "rows: %zu with %zu right ones; it takes %d, %d of them right and %d wrong", rows->count,
        right, ROWS_MIN, KIND_MIN, KIND_MIN);
}

static amphi_status train(head_work *work, char **report, amphi_error *error)
{
    double penalty = 0;
    amphi_head head = {.tokens = work->tokens};
    amphi_status status = check_rows(&work->rows, error);
    if (status != AMPHI_OK)
        return status;
    if (amphi__content_hash(work->model_path, head.model) != AMPHI_OK)
        return amphi__fail(error, AMPHI_E_IO, 0, "model: can't be read");
    status = amphi__head_choose(&head, &penalty, work->scores, &work->rows);
    for (size_t i = 0; i < work->rows.count && status == AMPHI_OK; i++)
        work->scores[i] = 1 / (1 + exp(-work->scores[i]));
    if (status == AMPHI_OK)
        status = write_report(work, &head, penalty, (double)head.auc, report);
    if (status != AMPHI_OK)
        (void)amphi__fail_no_memory(error);
    else
        status = save(work, &head, error);
    amphi__head_clear(&head);
    return status;
}

static amphi_status test(head_work *work, char **report, amphi_error *error)
{
    double auc = amphi__roc_area(work->scores, work->rows.right, work->rows.count);
    return write_report(work, &work->head, 0, auc, report) == AMPHI_OK
               ? AMPHI_OK
               : amphi__fail_no_memory(error);
}

static amphi_status open_engine(head_work *work, const amphi_judge *judge, amphi_error *error)
{
    const amphi_local_options local = {.model_path = amphi_str_from(work->model_path),
        .threads = work->options.threads,
        .judge = judge};
    return amphi__local_engine_new(&work->engine, &local, error);
}

static amphi_status read_options(
    head_work *work, const amphi_head_options *options, bool trains, amphi_error *error)
{
    amphi_status status =
        AMPHI__SIZED_READ(amphi_head_options, &work->options, options, "options", error);
    if (status != AMPHI_OK)
        return status;
    if (work->options.model_path.size == 0 || work->options.model_path.size >= PATH_BYTES)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "options.model_path: empty, or too long");
    amphi__str_copy_to(work->model_path, sizeof work->model_path, work->options.model_path);
    work->tokens = work->options.tokens > 0 ? work->options.tokens : TOKENS_USUAL;
    if (work->tokens > AMPHI_JUDGED_TOKENS_MAX)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "options.tokens: 1 to %u", AMPHI_JUDGED_TOKENS_MAX);
    if (trains)
        return AMPHI_OK;
    status = amphi__head_open(&work->head, work->model_path, error);
    work->tokens = work->head.tokens;
    return status;
}

static amphi_status run(
    char **report_out, const amphi_head_options *options, bool trains, amphi_error *error)
{
    static const amphi_judge_ops ops = {.name = "notes", .right = take_note};
    amphi__error_clear(error);
    if (report_out == NULL || options == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "report_out or options: NULL");
    *report_out = NULL;
    head_work work = {.engine = {NULL, NULL}};
    head_work *const self = &work;
    amphi_judge judge = {.ops = &ops, .self = &self, .depths = AMPHI_HEAD_DEPTHS};
    if (amphi__mutex_init(&work.lock) != AMPHI_OK)
        return amphi__fail_no_memory(error);
    amphi_status status = amphi__cond_init(&work.changed);
    if (status != AMPHI_OK) {
        amphi__mutex_clear(&work.lock);
        return amphi__fail_no_memory(error);
    }
    status = read_options(&work, options, trains, error);
    if (status == AMPHI_OK && !trains)
        judge.depths = (uint8_t)(1u << (work.head.depth - 1));
    if (status == AMPHI_OK)
        status = open_engine(&work, &judge, error);
    if (status == AMPHI_OK)
        status = run_rows(&work, error);
    if (work.engine.ops != NULL)
        work.engine.ops->free(work.engine.self);
    if (status == AMPHI_OK)
        status = trains ? train(&work, report_out, error) : test(&work, report_out, error);
    amphi__head_rows_clear(&work.rows);
    amphi__head_clear(&work.head);
    amphi__free(work.scores);
    amphi__cond_clear(&work.changed);
    amphi__mutex_clear(&work.lock);
    return status;
}

amphi_status amphi_model_head_train(
    char **report_out, const amphi_head_options *options, amphi_error *error)
{
    return run(report_out, options, true, error);
}

amphi_status amphi_model_head_test(
    char **report_out, const amphi_head_options *options, amphi_error *error)
{
    return run(report_out, options, false, error);
}
