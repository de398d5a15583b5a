/* SPDX-License-Identifier: Apache-2.0
 *
 * Medians, since one slow answer of ten says little of the eleventh.
 */
#include "sdk/client/route_pace.h"

#include "sdk/client/learned.h"
#include "sdk/core/clock.h"

#include <math.h>
#include <stdlib.h>

#define ANSWERS_LEAST 3u
#define SAVE_AFTER_MS (60u * 1000)

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* The lower one of two in the middle; 0 of too few. */
static float median(float *values, uint32_t count)
{
    if (count < ANSWERS_LEAST)
        return 0;
    qsort(values, count, sizeof *values, compare);
    return values[(count - 1) / 2];
}

static uint32_t kept(const amphi_route_pace *pace)
{
    return pace->count < AMPHI_PACE_ANSWERS_MAX ? pace->count : AMPHI_PACE_ANSWERS_MAX;
}

amphi_policy_pace amphi__route_pace_summary(
    const amphi_route_pace *pace, uint32_t learned_s, int64_t now_ms)
{
    float first[AMPHI_PACE_ANSWERS_MAX];
    float speed[AMPHI_PACE_ANSWERS_MAX];
    uint32_t firsts = 0;
    uint32_t speeds = 0;
    uint32_t lengths = 0;
    uint64_t tokens = 0;
    amphi_policy_pace out = {.answers = kept(pace)};
    for (uint32_t i = 0; i < out.answers; i++) {
        const amphi_answer_pace *answer = &pace->answers[i];
        if (answer->first_token_ms > 0)
            first[firsts++] = (float)answer->first_token_ms;
        if (answer->tokens_per_second > 0)
            speed[speeds++] = answer->tokens_per_second;
        lengths += answer->tokens > 0;
        tokens += answer->tokens;
    }
    out.answer_tokens = lengths > 0 ? (uint32_t)(tokens / lengths) : 0;
    int64_t age_ms = now_ms > pace->last_ms ? now_ms - pace->last_ms : pace->last_ms - now_ms;
    if (age_ms > (int64_t)learned_s * 1000) {
        out.answers = 0;
        return out; /* how long its answers are does not change with the hour */
    }
    out.first_token_ms = (uint32_t)median(first, firsts);
    out.tokens_per_second = median(speed, speeds);
    return out;
}

void amphi__route_pace_add(amphi_route_pace *pace, const amphi_answer_pace *answer, int64_t now_ms)
{
    pace->answers[pace->count % AMPHI_PACE_ANSWERS_MAX] = *answer;
    /* Wraps to a multiple of the size, well before it would overflow. */
    pace->count = pace->count == UINT32_MAX - AMPHI_PACE_ANSWERS_MAX ? AMPHI_PACE_ANSWERS_MAX
                                                                     : pace->count + 1;
    pace->unsaved++;
    pace->last_ms = now_ms;
}

/* ---- In the store ---- */

static const amphi_json *next_number(const amphi_json **at, double *out, double most)
{
    const amphi_json *value = *at;
    double number = amphi__json_number(value, -1);
    *out = number;
    if (value == NULL || !(number >= 0 && number <= most))
        return NULL;
    *at = amphi__json_next(value);
    return value;
}

bool amphi__route_pace_read(amphi_route_pace *out, amphi_str json)
{
    amphi_json *root = NULL;
    double first_ms;
    double speed;
    double tokens;
    memset(out, 0, sizeof *out);
    if (amphi__json_parse(&root, json, "pace", NULL) != AMPHI_OK)
        return false;
    int64_t last_ms = amphi__json_int(amphi__json_get(root, "at"), 0);
    const amphi_json *firsts = amphi__json_first(amphi__json_get(root, "first_ms"));
    const amphi_json *speeds = amphi__json_first(amphi__json_get(root, "tps"));
    const amphi_json *lengths = amphi__json_first(amphi__json_get(root, "tokens"));
    while (out->count < AMPHI_PACE_ANSWERS_MAX && next_number(&firsts, &first_ms, 1e9) != NULL &&
           next_number(&speeds, &speed, 1e9) != NULL &&
           next_number(&lengths, &tokens, 1e9) != NULL) {
        const amphi_answer_pace answer = {(uint32_t)first_ms, (float)speed, (uint32_t)tokens};
        amphi__route_pace_add(out, &answer, last_ms);
    }
    out->unsaved = 0;
    amphi__json_free(root);
    return out->count > 0;
}

amphi_status amphi__route_pace_write(const amphi_route_pace *pace, amphi_buf *out)
{
    static const char *const names[] = {"first_ms", "tps", "tokens"};
    amphi_json_writer writer;
    uint32_t count = kept(pace);
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_int(&writer, "at", pace->last_ms);
    for (size_t n = 0; n < 3; n++) {
        amphi__json_open(&writer, names[n], '[');
        for (uint32_t i = pace->count - count; i != pace->count; i++) {
            const amphi_answer_pace *answer = &pace->answers[i % AMPHI_PACE_ANSWERS_MAX];
            double number = n == 0   ? answer->first_token_ms
                            : n == 1 ? round((double)answer->tokens_per_second * 10) / 10
                                     : answer->tokens;
            amphi__json_put_number(&writer, NULL, number);
        }
        amphi__json_close(&writer, ']');
    }
    amphi__json_close(&writer, '}');
    return out->status;
}

static amphi_learned_key key_of(const amphi_route *route)
{
    return (amphi_learned_key){"pace", amphi_str_from(route->name), amphi_str_make(NULL, 0)};
}

void amphi__route_pace_load_all(amphi_client *client)
{
    for (size_t i = 0; i < client->routes_count; i++) {
        amphi_route *route = &client->routes[i];
        const amphi_learned_key key = key_of(route);
        amphi_route_pace known;
        amphi_buf text;
        if (route->name[0] == '\0')
            continue;
        amphi__buf_init(&text, AMPHI_LEARNED_BYTES_MAX);
        amphi__learned_read(client, &key, &text);
        bool is_known = text.size > 0 && amphi__route_pace_read(&known, amphi__buf_str(&text));
        amphi__buf_clear(&text);
        amphi__mutex_lock(&client->lock);
        if (is_known && route->pace.count == 0)
            route->pace = known;
        route->pace.saved_ms = amphi__clock_boot_ms(client->clock) + 1; /* 0 is never */
        amphi__mutex_unlock(&client->lock);
    }
}

/* false: nothing is to be written now. */
static bool take_unsaved(
    amphi_client *client, amphi_route *route, bool at_end, amphi_route_pace *out)
{
    uint64_t now_ms = amphi__clock_boot_ms(client->clock);
    amphi_route_pace *pace = &route->pace;
    amphi__mutex_lock(&client->lock);
    bool is_due = pace->unsaved > 0 && route->name[0] != '\0' &&
                  (at_end || pace->saved_ms == 0 || now_ms >= pace->saved_ms + SAVE_AFTER_MS);
    if (is_due) {
        *out = *pace;
        pace->unsaved = 0;
        pace->saved_ms = now_ms > 0 ? now_ms : 1;
    }
    amphi__mutex_unlock(&client->lock);
    return is_due;
}

void amphi__route_pace_save_all(amphi_client *client, bool at_end)
{
    for (size_t i = 0; i < client->routes_count; i++) {
        const amphi_learned_key key = key_of(&client->routes[i]);
        amphi_route_pace pace;
        amphi_buf text;
        if (!take_unsaved(client, &client->routes[i], at_end, &pace))
            continue;
        amphi__buf_init(&text, AMPHI_LEARNED_BYTES_MAX);
        if (amphi__route_pace_write(&pace, &text) == AMPHI_OK)
            amphi__learned_write(client, &key, amphi__buf_str(&text));
        amphi__buf_clear(&text);
    }
}
