/* SPDX-License-Identifier: Apache-2.0
 *
 * Measures the gate of near hits (sdk/near/near.h) on a file of pairs. It is the very function that
 * the cache asks.
 */
#include "sdk/core/buf.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"
#include "sdk/near/near.h"

#include <amphi/cache.h>

enum { REASONS = AMPHI_NEAR_CASE + 1 };

typedef struct probe {
    uint64_t line;
    uint64_t same;
    uint64_t different;
    uint64_t right_hits;
    uint64_t exact_hits;
    uint64_t wrong;
    uint64_t missed[REASONS];
    amphi_buf wrong_rows; /* their JSON, one after the other */
    amphi_json_writer wrong_writer;
} probe;

static amphi_status judge_row(probe *p, amphi_str a, amphi_str b, bool same)
{
    amphi_near_verdict verdict;
    amphi_status status = amphi__near_compare(&verdict, a, b);
    if (status != AMPHI_OK)
        return status;
    p->same += same;
    p->different += !same;
    p->exact_hits += verdict.is_hit && verdict.reason == AMPHI_NEAR_SAME_FOLD;
    if (verdict.is_hit == same) {
        p->right_hits += same;
        return AMPHI_OK;
    }
    if (same) {
        p->missed[verdict.reason]++;
        return AMPHI_OK;
    }
    p->wrong++;
    amphi_json_writer *writer = &p->wrong_writer;
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_int(writer, "line", (int64_t)p->line);
    amphi__json_put_str(writer, "a", a);
    amphi__json_put_str(writer, "b", b);
    amphi__json_put_number(writer, "score", verdict.score);
    amphi__json_put_str(writer, "reason", amphi_str_from(amphi__near_reason_text(verdict.reason)));
    amphi__json_close(writer, '}');
    return p->wrong_rows.status;
}

static amphi_status read_row(probe *p, amphi_str line, amphi_error *error)
{
    amphi_json *root = NULL;
    amphi_error why;
    int number = (int)(p->line < INT32_MAX ? p->line : INT32_MAX);
    amphi_status status = amphi__json_parse(&root, line, "row", &why);
    if (status == AMPHI_E_NO_MEMORY)
        return amphi__fail_no_memory(error);
    if (status != AMPHI_OK)
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "line %d: %s", number, why.message);
    const amphi_json *a = amphi__json_get(root, "a");
    const amphi_json *b = amphi__json_get(root, "b");
    const amphi_json *same = amphi__json_get(root, "same");
    if (!amphi__json_is_string(a) || !amphi__json_is_string(b) ||
        amphi__json_kind(same) != AMPHI_JSON_BOOL)
        status = amphi__fail(error, AMPHI_E_FORMAT, 0,
            "line %d: a row is {\"a\": text, \"b\": text, \"same\": true or false}", number);
    else {
        status = judge_row(
            p, amphi__json_string(a), amphi__json_string(b), amphi__json_bool(same, false));
        if (status != AMPHI_OK)
            status = amphi__fail(error, status, 0, "line %d: no memory left", number);
    }
    amphi__json_free(root);
    return status;
}

static void put_share(amphi_json_writer *writer, const char *key, uint64_t part, uint64_t whole)
{
    if (whole == 0)
        amphi__json_put_null(writer, key);
    else
        amphi__json_put_number(writer, key, (double)part / (double)whole);
}

static void write_report(amphi_buf *out, const probe *p)
{
    amphi_json_writer writer;
    uint64_t hits = p->right_hits + p->wrong;
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_int(&writer, "pairs", (int64_t)(p->same + p->different));
    amphi__json_put_int(&writer, "same", (int64_t)p->same);
    amphi__json_put_int(&writer, "different", (int64_t)p->different);
    amphi__json_put_int(&writer, "hits", (int64_t)hits);
    amphi__json_put_int(&writer, "wrong", (int64_t)p->wrong);
    amphi__json_put_int(&writer, "missed", (int64_t)(p->same - p->right_hits));
    put_share(&writer, "hit_rate", p->right_hits, p->same);
    put_share(&writer, "precision", p->right_hits, hits);
    amphi__json_put_int(&writer, "exact", (int64_t)p->exact_hits);
    amphi__json_open(&writer, "missed_reasons", '{');
    for (size_t i = 0; i < REASONS; i++)
        if (p->missed[i] > 0)
            amphi__json_put_int(
                &writer, amphi__near_reason_text((amphi_near_reason)i), (int64_t)p->missed[i]);
    amphi__json_close(&writer, '}');
    amphi__json_put_raw(&writer, "wrong_rows", amphi__buf_str(&p->wrong_rows));
    amphi__json_close(&writer, '}');
}

amphi_status amphi_cache_probe(amphi_str pairs, char **report_json, amphi_error *error)
{
    if (report_json == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "report_json is NULL");
    probe p = {0};
    amphi_buf report;
    amphi_status status = AMPHI_OK;
    *report_json = NULL;
    amphi__buf_init(&report, 0);
    amphi__buf_init(&p.wrong_rows, 0);
    amphi__json_writer_init(&p.wrong_writer, &p.wrong_rows);
    amphi__json_open(&p.wrong_writer, NULL, '[');
    while (status == AMPHI_OK && pairs.size > 0) {
        amphi_str line = amphi__str_trim(amphi__str_cut(pairs, '\n', &pairs));
        p.line++;
        if (line.size > 0)
            status = read_row(&p, line, error);
    }
    if (status != AMPHI_OK)
        goto cleanup;
    amphi__json_close(&p.wrong_writer, ']');
    if (p.wrong_rows.status == AMPHI_OK)
        write_report(&report, &p);
    *report_json = p.wrong_rows.status == AMPHI_OK ? amphi__buf_take(&report) : NULL;
    if (*report_json == NULL)
        status = amphi__fail_no_memory(error);
cleanup:
    amphi__buf_wipe(&p.wrong_rows);
    amphi__buf_wipe(&report);
    return status;
}
