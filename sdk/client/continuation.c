/* SPDX-License-Identifier: Apache-2.0
 *
 * One setting, {"ROUTE|MODEL":{"native":[worked,failed,when]}}: how often a way has worked, how
 * much speaks against it since, and when that was written. A doubt weighs 1, a new answer 2, a
 * refusal more than any success. Success is believed for a month, failure for a week: servers are
 * updated.
 */
#include "sdk/client/continuation.h"

#include "sdk/core/clock.h"
#include "sdk/core/continuation.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <stdio.h>

#define SETTING "continuations"

enum {
    ROUTES_MAX = 64,
    COUNT_MAX = 9,
    KNOWN_AFTER = 2,   /* successes */
    GIVE_UP_AT = 2,    /* failures of a way that never worked */
    GIVE_UP_LATER = 3, /* of one that did */
    SUCCESS_DAYS = 30,
    FAILURE_DAYS = 7,
    DAY_S = 86400
};

typedef struct record {
    int64_t worked;
    int64_t failed;
    int64_t when_s;
} record;

typedef struct memory {
    record ways[AMPHI_CONTINUE_COUNT];
} memory;

static int64_t now_s(const amphi_client *client)
{
    return amphi__clock_wall_ms(client->clock) / 1000;
}

static void key_of(char *out, size_t size, const amphi_engine_info *info)
{
    snprintf(out, size, "%s|%s", info->name, info->model);
}

static bool is_old(const record *r, int64_t now)
{
    int64_t days = r->failed > 0 ? FAILURE_DAYS : SUCCESS_DAYS;
    return r->when_s > now || now - r->when_s > days * DAY_S;
}

/* ---- The setting ----------------------------------------------------------------------------- */

static void take_root(void *user, amphi_str value)
{
    amphi_json **root = user;
    if (amphi__json_parse(root, value, "continuations", NULL) != AMPHI_OK)
        *root = NULL; /* nothing was learnt then */
}

/* NULL: nothing was learnt yet. amphi__json_free. */
static amphi_json *load(const amphi_client *client)
{
    amphi_json *root = NULL;
    (void)client->store.ops->setting_get(
        client->store.self, AMPHI_STR(SETTING), take_root, &root, NULL);
    return root;
}

static void read_memory(memory *out, const amphi_json *route, int64_t now)
{
    memset(out, 0, sizeof *out);
    for (size_t i = AMPHI_CONTINUE_NATIVE; i < AMPHI_CONTINUE_COUNT; i++) {
        const amphi_json *way =
            amphi__json_get(route, amphi__continuation_name((amphi_continuation)i));
        const amphi_json *worked = amphi__json_first(way);
        const amphi_json *failed = worked != NULL ? amphi__json_next(worked) : NULL;
        const amphi_json *when = failed != NULL ? amphi__json_next(failed) : NULL;
        record r = {
            amphi__json_int(worked, 0), amphi__json_int(failed, 0), amphi__json_int(when, 0)};
        if (!is_old(&r, now))
            out->ways[i] = r;
    }
}

static void write_memory(amphi_json_writer *writer, const char *key, const memory *m)
{
    amphi__json_open(writer, key, '{');
    for (size_t i = AMPHI_CONTINUE_NATIVE; i < AMPHI_CONTINUE_COUNT; i++) {
        const record *r = &m->ways[i];
        if (r->worked == 0 && r->failed == 0)
            continue;
        amphi__json_open(writer, amphi__continuation_name((amphi_continuation)i), '[');
        amphi__json_put_int(writer, NULL, r->worked);
        amphi__json_put_int(writer, NULL, r->failed);
        amphi__json_put_int(writer, NULL, r->when_s);
        amphi__json_close(writer, ']');
    }
    amphi__json_close(writer, '}');
}

/* The newest first; of the others as many as there is room for. */
static void save(amphi_client *client, const amphi_json *root, const char *key, const memory *m)
{
    amphi_buf out;
    amphi_json_writer writer;
    size_t count = 1;
    memory other;
    amphi__buf_init(&out, 0);
    amphi__json_writer_init(&writer, &out);
    amphi__json_open(&writer, NULL, '{');
    write_memory(&writer, key, m);
    for (const amphi_json *route = amphi__json_first(root); route != NULL && count < ROUTES_MAX;
         route = amphi__json_next(route)) {
        char name[2 * AMPHI_NAME_MAX];
        amphi__str_copy_to(name, sizeof name, amphi__json_key(route));
        if (strcmp(name, key) == 0)
            continue;
        read_memory(&other, route, now_s(client));
        write_memory(&writer, name, &other);
        count++;
    }
    amphi__json_close(&writer, '}');
    if (out.status == AMPHI_OK)
        (void)client->store.ops->setting_put(
            client->store.self, AMPHI_STR(SETTING), amphi__buf_str(&out), NULL);
    amphi__buf_clear(&out);
}

/* ---- What is chosen -------------------------------------------------------------------------- */

static bool is_given_up(const record *r)
{
    return r->failed >= (r->worked > 0 ? GIVE_UP_LATER : GIVE_UP_AT);
}

static amphi_continuation after_refusal(const memory *m)
{
    return is_given_up(&m->ways[AMPHI_CONTINUE_INSTRUCT]) ? AMPHI_CONTINUE_NO
                                                          : AMPHI_CONTINUE_INSTRUCT;
}

/* A server that is not known gets a trailing assistant message with vLLM's two flags, which others
 * do not read; one that refuses just them, the same without. One that refuses a beginning gets an
 * instruction, which no server refuses. What has failed is not tried again until it ages out: a
 * restart at once is better. */
static amphi_continuation next_way(const memory *m, amphi_continuation guess)
{
    for (size_t i = AMPHI_CONTINUE_NATIVE; i < AMPHI_CONTINUE_COUNT; i++)
        if (m->ways[i].worked > 0 && !is_given_up(&m->ways[i]))
            return (amphi_continuation)i;
    bool is_unknown = guess == AMPHI_CONTINUE_AUTO;
    amphi_continuation way = is_unknown ? AMPHI_CONTINUE_VLLM : guess;
    if (!is_given_up(&m->ways[way]))
        return way;
    bool was_refused = m->ways[way].failed == COUNT_MAX;
    if (is_unknown && was_refused && !is_given_up(&m->ways[AMPHI_CONTINUE_NATIVE]))
        return AMPHI_CONTINUE_NATIVE;
    return was_refused ? after_refusal(m) : AMPHI_CONTINUE_NO;
}

/* What the server itself tells goes before the model's name. */
static amphi_continuation guess_of(const amphi_engine_info *info)
{
    amphi_continuation guess = info->continuation_guess;
    if ((unsigned)guess >= AMPHI_CONTINUE_COUNT)
        return AMPHI_CONTINUE_NO; /* a third-party engine's, newer than this client */
    return guess == AMPHI_CONTINUE_AUTO ? amphi__continuation_of_model(amphi_str_from(info->model))
                                        : guess;
}

static bool is_configured(const amphi_engine_info *info)
{
    return info->continuation != AMPHI_CONTINUE_AUTO || info->prefix != AMPHI_UNKNOWN;
}

amphi_continuation_choice amphi__continuation_choose(
    amphi_client *client, const amphi_engine_info *info)
{
    amphi_continuation_choice choice = {info->continuation, false};
    char key[2 * AMPHI_NAME_MAX];
    memory m;
    bool is_untold = info->kind == AMPHI_ENGINE_SYSTEM && choice.way == AMPHI_CONTINUE_AUTO &&
                     info->prefix != AMPHI_YES; /* no such model is known to go on */
    if (choice.way == AMPHI_CONTINUE_NO || info->prefix == AMPHI_NO || is_untold) {
        choice.way = AMPHI_CONTINUE_NO;
        return choice;
    }
    if (info->kind == AMPHI_ENGINE_LOCAL) { /* the beginning is part of what it computes */
        choice.is_known = true;
        return choice;
    }
    amphi_json *root = load(client);
    key_of(key, sizeof key, info);
    read_memory(&m, amphi__json_get(root, key), now_s(client));
    if (choice.way == AMPHI_CONTINUE_AUTO && info->prefix == AMPHI_YES)
        choice.way = AMPHI_CONTINUE_NATIVE;
    amphi_continuation guess = guess_of(info);
    if (choice.way == AMPHI_CONTINUE_AUTO)
        choice.way = guess == AMPHI_CONTINUE_NO ? AMPHI_CONTINUE_NO : next_way(&m, guess);
    const record *r = &m.ways[choice.way];
    choice.is_known = r->worked >= KNOWN_AFTER && r->failed == 0;
    amphi__json_free(root);
    return choice;
}

amphi_continuation amphi__continuation_after_refusal(
    amphi_client *client, const amphi_engine_info *info)
{
    char key[2 * AMPHI_NAME_MAX];
    memory m;
    if (info->kind != AMPHI_ENGINE_CLOUD || is_configured(info))
        return AMPHI_CONTINUE_NO;
    amphi_json *root = load(client);
    key_of(key, sizeof key, info);
    read_memory(&m, amphi__json_get(root, key), now_s(client));
    amphi__json_free(root);
    return after_refusal(&m);
}

void amphi__continuation_learn(amphi_client *client, const amphi_engine_info *info,
    amphi_continuation way, amphi_continuation_result result)
{
    static const int64_t weights[] = {0, 2, 1, COUNT_MAX};
    char key[2 * AMPHI_NAME_MAX];
    memory m;
    if (info->kind == AMPHI_ENGINE_LOCAL || way <= AMPHI_CONTINUE_NO || way >= AMPHI_CONTINUE_COUNT)
        return;
    amphi_json *root = load(client);
    key_of(key, sizeof key, info);
    read_memory(&m, amphi__json_get(root, key), now_s(client));
    record *r = &m.ways[way];
    if (result == AMPHI_CONTINUATION_WORKED) {
        r->worked += r->worked < COUNT_MAX;
        r->failed = 0;
    } else {
        r->failed += weights[result];
        r->failed = r->failed < COUNT_MAX ? r->failed : COUNT_MAX;
        r->worked = r->failed >= GIVE_UP_LATER ? 0 : r->worked;
    }
    r->when_s = now_s(client);
    save(client, root, key, &m);
    amphi__json_free(root);
}
