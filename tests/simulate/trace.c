/* SPDX-License-Identifier: Apache-2.0
 *
 * A line is parsed here for what came of the decision, and once more per policy for what it was
 * made from: trees of a whole trace would take ten times its size.
 */
#include "tests/simulate/trace.h"

#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double sim_median(double *values, size_t count)
{
    if (count == 0)
        return NAN;
    qsort(values, count, sizeof *values, compare);
    return values[(count - 1) / 2];
}

/* ---- One record ---- */

/* false: there are too many routes. */
static bool route_index(sim_trace *trace, amphi_str name, uint8_t *out)
{
    for (size_t i = 0; i < trace->routes_count; i++)
        if (amphi__str_equal_c(name, trace->routes[i].name)) {
            *out = (uint8_t)i;
            return true;
        }
    if (trace->routes_count == AMPHI_ROUTES_MAX || name.size == 0 || name.size >= AMPHI_NAME_MAX)
        return false;
    *out = (uint8_t)trace->routes_count;
    sim_trace_route *route = &trace->routes[trace->routes_count++];
    amphi__str_copy_to(route->name, sizeof route->name, name);
    return true;
}

/* Tries of one route behind each other are one. */
static bool add_try(sim_trace *trace, sim_trace_record *record, const amphi_json *name)
{
    uint8_t index = 0;
    if (!route_index(trace, amphi__json_string(name), &index))
        return false;
    if (record->tries_count > 0 && record->tries[record->tries_count - 1] == index)
        return true;
    if (record->tries_count == SIM_TRACE_TRIES_MAX)
        return false;
    record->tries[record->tries_count++] = index;
    return true;
}

/* A request that no route answered has tried all of its plan. */
static bool read_tries(sim_trace *trace, sim_trace_record *record, const amphi_json *root)
{
    const amphi_json *t = amphi__json_first(amphi__json_get(root, "takeovers"));
    const amphi_json *entry = amphi__json_first(amphi__json_get(root, "decision"));
    if (record->is_cached)
        return true;
    for (; record->status != AMPHI_OK && entry != NULL; entry = amphi__json_next(entry))
        if (amphi__json_bool(amphi__json_get(entry, "kept"), false) &&
            !add_try(trace, record, amphi__json_get(entry, "route")))
            return false;
    if (record->status != AMPHI_OK)
        return true;
    for (; t != NULL; t = amphi__json_next(t))
        if (!add_try(trace, record, amphi__json_get(t, "from")))
            return false;
    return add_try(trace, record, amphi__json_get(root, "route"));
}

static amphi_status status_named(amphi_str name)
{
    for (int i = 0; i <= AMPHI_E_UNCERTAIN; i++)
        if (amphi__str_equal_c(name, amphi_status_name((amphi_status)i)))
            return (amphi_status)i;
    return AMPHI_E_INTERNAL;
}

static double figure(const amphi_json *group, const char *name, double scale)
{
    return amphi__json_number(amphi__json_get(group, name), NAN) * scale;
}

static bool read_record(sim_trace *trace, sim_trace_record *record, const amphi_json *root)
{
    const amphi_json *timing = amphi__json_get(root, "timing");
    const amphi_json *error = amphi__json_get(root, "error");
    amphi_str status = amphi__json_string(amphi__json_get(root, "status"));
    amphi_str privacy = amphi__json_string(amphi__json_get(root, "privacy"));
    if (amphi__json_kind(error) == AMPHI_JSON_OBJECT)
        status = amphi__json_string(amphi__json_get(error, "status"));
    if (amphi__json_kind(timing) != AMPHI_JSON_OBJECT ||
        amphi__json_kind(amphi__json_get(root, "decision")) != AMPHI_JSON_ARRAY)
        return false;
    record->created_ms = amphi__json_int(amphi__json_get(root, "created_ms"), 0);
    record->status = status.size > 0 ? status_named(status) : AMPHI_OK;
    record->is_queued =
        amphi__str_equal_c(amphi__json_string(amphi__json_get(root, "route")), "outbox");
    if (record->is_queued && record->status == AMPHI_OK)
        record->status = AMPHI_E_NETWORK; /* such a result has no error */
    record->is_cached =
        amphi__str_equal_c(amphi__json_string(amphi__json_get(root, "cache")), "hit");
    record->stays_here = privacy.size > 0 && !amphi__str_equal_c(privacy, "none");
    sim_outcome_figures *f = &record->figures;
    f->first_token_ms = figure(timing, "first_token_ms", 1);
    f->total_ms = figure(timing, "total_ms", 1);
    f->microdollars = figure(amphi__json_get(root, "cost"), "usd", 1e6);
    f->millijoules = figure(amphi__json_get(root, "energy"), "joules", 1e3);
    if (f->first_token_ms <= 0) /* none was seen */
        f->first_token_ms = NAN;
    return read_tries(trace, record, root);
}

/* ---- The file ---- */

static bool add_record(sim_trace *trace, const sim_trace_record *record)
{
    if (trace->records_count == trace->capacity) {
        size_t capacity = trace->capacity > 0 ? 2 * trace->capacity : 256;
        void *larger = realloc(trace->records, capacity * sizeof *trace->records);
        if (larger == NULL)
            return false;
        trace->records = larger;
        trace->capacity = capacity;
    }
    trace->records[trace->records_count++] = *record;
    return true;
}

static amphi_status read_line(sim_trace *trace, amphi_str line, amphi_error *error)
{
    amphi_json *root = NULL;
    sim_trace_record record = {.line = line};
    amphi_status status = amphi__json_parse(&root, line, "the line", error);
    bool is_head = amphi__json_int(amphi__json_get(root, "amphi_records"), 0) == 1;
    bool is_policy =
        amphi__json_get(root, "document") != NULL && amphi__json_get(root, "decision") == NULL;
    if (status == AMPHI_OK && !is_head && !is_policy) {
        if (!read_record(trace, &record, root))
            status = amphi__fail(error, AMPHI_E_FORMAT, 0, "it is no record of a decision");
        else if (!add_record(trace, &record))
            status = amphi__fail_no_memory(error);
    }
    amphi__json_free(root);
    return status;
}

static amphi_status read_whole(amphi_buf *out, const char *path)
{
    char piece[65536];
    size_t got = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return AMPHI_E_IO;
    while ((got = fread(piece, 1, sizeof piece, file)) > 0)
        amphi__buf_append(out, piece, got);
    bool done = ferror(file) == 0;
    fclose(file);
    return !done ? AMPHI_E_IO : out->status;
}

/* ---- Routes ---- */

static double median_of(const sim_trace *trace, size_t route, size_t offset, double *values)
{
    size_t count = 0;
    for (size_t i = 0; i < trace->records_count; i++) {
        const sim_trace_record *r = &trace->records[i];
        double value = *(const double *)((const char *)&r->figures + offset);
        /* With a takeover the figures are those of two routes together. */
        if (r->status == AMPHI_OK && !r->is_cached && r->tries_count == 1 && r->tries[0] == route &&
            !isnan(value))
            values[count++] = value;
    }
    return sim_median(values, count);
}

static void count_tries(sim_trace *trace)
{
    for (size_t i = 0; i < trace->records_count; i++) {
        const sim_trace_record *r = &trace->records[i];
        for (size_t t = 0; t < r->tries_count; t++)
            trace->routes[r->tries[t]].tries++;
        if (r->tries_count > 0 && r->status == AMPHI_OK)
            trace->routes[r->tries[r->tries_count - 1]].answers++;
    }
}

static amphi_status find_medians(sim_trace *trace, amphi_error *error)
{
    double *values = calloc(trace->records_count + 1, sizeof *values);
    if (values == NULL)
        return amphi__fail_no_memory(error);
    for (size_t i = 0; i < trace->routes_count; i++) {
        sim_outcome_figures *m = &trace->routes[i].medians;
        m->first_token_ms =
            median_of(trace, i, offsetof(sim_outcome_figures, first_token_ms), values);
        m->total_ms = median_of(trace, i, offsetof(sim_outcome_figures, total_ms), values);
        m->microdollars = median_of(trace, i, offsetof(sim_outcome_figures, microdollars), values);
        m->millijoules = median_of(trace, i, offsetof(sim_outcome_figures, millijoules), values);
    }
    free(values);
    return AMPHI_OK;
}

amphi_status sim_trace_read(sim_trace *out, const char *path, amphi_error *error)
{
    size_t number = 0;
    memset(out, 0, sizeof *out);
    amphi__error_clear(error);
    amphi__buf_init(&out->text, 0);
    amphi_status status = read_whole(&out->text, path);
    if (status != AMPHI_OK)
        return amphi__fail(error, status, 0, "%s: can't be read", path);
    amphi_str rest = amphi__buf_str(&out->text);
    while (status == AMPHI_OK && rest.size > 0) {
        amphi_error why;
        amphi_str line = amphi__str_trim(amphi__str_cut(rest, '\n', &rest));
        number++;
        if (line.size == 0)
            continue;
        status = read_line(out, line, &why);
        if (status != AMPHI_OK)
            amphi__fail(error, status, 0, "%s: line %zu: %s", path, number, why.message);
    }
    if (status == AMPHI_OK && out->records_count == 0)
        status = amphi__fail(error, AMPHI_E_FORMAT, 0,
            "%s: no record in it (amphi history export --records writes them)", path);
    if (status != AMPHI_OK)
        return status;
    count_tries(out);
    return find_medians(out, error);
}

void sim_trace_clear(sim_trace *trace)
{
    free(trace->records);
    amphi__buf_clear(&trace->text);
    memset(trace, 0, sizeof *trace);
}

const sim_trace_route *sim_trace_route_named(const sim_trace *trace, const char *name)
{
    for (size_t i = 0; i < trace->routes_count; i++)
        if (strcmp(trace->routes[i].name, name) == 0)
            return &trace->routes[i];
    return NULL;
}
