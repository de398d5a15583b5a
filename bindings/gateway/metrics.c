/* SPDX-License-Identifier: Apache-2.0
 *
 * A table of counters, each of a family and with its labels as they will be written, and the
 * histograms of the first token. Labels are names that the operator gave (routes), and constants:
 * no content, no ids, no keys; and no name that a client chose, so that no client makes the table
 * grow. It is bounded all the same: what finds no room is counted as dropped.
 */
#include "metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNTERS_MAX = 2048, HISTOGRAMS_MAX = 64, LABELS_MAX = 320 };

typedef enum family {
    HTTP_REQUESTS,
    HTTP_BYTES,
    REQUESTS,
    REFUSED,
    FAILURES,
    TAKEOVERS,
    TOKENS,
    FAMILY_COUNT
} family;

static const struct {
    const char *name;
    const char *help;
} families[FAMILY_COUNT] = {
    [HTTP_REQUESTS] = {"amphi_http_requests_total",
        "HTTP requests by path and status; code 0: cut before a status was sent"},
    [HTTP_BYTES] = {"amphi_http_sent_bytes_total", "Bytes of bodies sent, by path"},
    [REQUESTS] = {"amphi_requests_total",
        "Requests for an answer by the route that ended them and by outcome"},
    [REFUSED] = {"amphi_requests_refused_total", "Requests that could not be started, by status"},
    [FAILURES] = {"amphi_failures_total", "Answers that failed, by status"},
    [TAKEOVERS] = {"amphi_takeovers_total",
        "Answers that another route took over, by both routes, cause and how"},
    [TOKENS] = {"amphi_tokens_total", "Tokens by route and kind; cached ones are also prompt"},
};

typedef struct counter {
    family family;
    char *labels;
    uint64_t value;
} counter;

static const unsigned bounds_ms[] = {
    10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000};

enum { BOUNDS = sizeof bounds_ms / sizeof bounds_ms[0] };

typedef struct histogram {
    char route[2 * AMPHI_NAME_MAX];
    uint64_t buckets[BOUNDS + 1]; /* the last one: above all bounds */
    uint64_t sum_ms;
} histogram;

struct gateway_metrics {
    pthread_mutex_t lock;
    counter counters[COUNTERS_MAX];
    size_t counters_count;
    histogram histograms[HISTOGRAMS_MAX];
    size_t histograms_count;
    uint64_t dropped;
};

gateway_metrics *gateway_metrics_new(void)
{
    gateway_metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics != NULL)
        pthread_mutex_init(&metrics->lock, NULL);
    return metrics;
}

void gateway_metrics_free(gateway_metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (size_t i = 0; i < metrics->counters_count; i++)
        free(metrics->counters[i].labels);
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

/* ---- counting ---- */

/* A label's value: backslashes, quotes and ends of line are escaped. */
static const char *escape(char *out, size_t size, amphi_str text)
{
    size_t at = 0;
    for (size_t i = 0; i < text.size && at + 3 < size; i++) {
        char c = text.data[i];
        if (c == '\\' || c == '"' || c == '\n')
            out[at++] = '\\';
        out[at++] = (char)(c == '\n' ? 'n' : c);
    }
    out[at] = '\0';
    return out;
}

/* Under the lock. */
static void AMPHI_PRINTF(4, 5)
    add(gateway_metrics *metrics, family of, uint64_t amount, const char *format, ...)
{
    char labels[LABELS_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(labels, sizeof labels, format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < metrics->counters_count; i++) {
        counter *c = &metrics->counters[i];
        if (c->family == of && strcmp(c->labels, labels) == 0) {
            c->value += amount;
            return;
        }
    }
    char *copy = metrics->counters_count < COUNTERS_MAX ? strdup(labels) : NULL;
    if (copy == NULL) {
        metrics->dropped++;
        return;
    }
    metrics->counters[metrics->counters_count++] = (counter){of, copy, amount};
}

/* Under the lock. */
static void observe(gateway_metrics *metrics, const char *route, uint32_t first_token_ms)
{
    size_t i = 0, bucket = 0;
    while (i < metrics->histograms_count && strcmp(metrics->histograms[i].route, route) != 0)
        i++;
    if (i == HISTOGRAMS_MAX) {
        metrics->dropped++;
        return;
    }
    histogram *h = &metrics->histograms[i];
    if (i == metrics->histograms_count) {
        snprintf(h->route, sizeof h->route, "%s", route);
        metrics->histograms_count++;
    }
    while (bucket < BOUNDS && first_token_ms > bounds_ms[bucket])
        bucket++;
    h->buckets[bucket]++;
    h->sum_ms += first_token_ms;
}

void gateway_metrics_count_http(
    gateway_metrics *metrics, const char *path, unsigned http_status, uint64_t bytes_sent)
{
    pthread_mutex_lock(&metrics->lock);
    add(metrics, HTTP_REQUESTS, 1, "path=\"%s\",code=\"%u\"", path, http_status);
    add(metrics, HTTP_BYTES, bytes_sent, "path=\"%s\"", path);
    pthread_mutex_unlock(&metrics->lock);
}

static const char *outcome_of(amphi_event_kind kind, const amphi_chat_result *result)
{
    if (kind == AMPHI_EVENT_DONE)
        return "done";
    if (kind == AMPHI_EVENT_QUEUED)
        return "queued";
    return result->error != NULL && result->error->status == AMPHI_E_CANCELLED ? "cancelled"
                                                                               : "failed";
}

void gateway_metrics_count_answer(
    gateway_metrics *metrics, amphi_event_kind kind, const amphi_chat_result *result)
{
    char route[2 * AMPHI_NAME_MAX], from[2 * AMPHI_NAME_MAX], to[2 * AMPHI_NAME_MAX];
    const char *outcome = outcome_of(kind, result);
    escape(route, sizeof route, result->route);
    pthread_mutex_lock(&metrics->lock);
    add(metrics, REQUESTS, 1, "route=\"%s\",outcome=\"%s\"", route, outcome);
    if (strcmp(outcome, "failed") == 0 && result->error != NULL)
        add(metrics, FAILURES, 1, "status=\"%s\"", amphi_status_name(result->error->status));
    for (size_t i = 0; i < result->takeovers_count; i++) {
        const amphi_takeover *t = &result->takeovers[i];
        add(metrics, TAKEOVERS, 1, "from=\"%s\",to=\"%s\",reason=\"%s\",mode=\"%s\"",
            escape(from, sizeof from, amphi_str_from(t->from)),
            escape(to, sizeof to, amphi_str_from(t->to)), amphi_status_name(t->reason),
            t->continued ? "continued" : "restarted");
    }
    if (!result->cache_hit) { /* a stored answer's usage was counted when it was made */
        add(metrics, TOKENS, result->usage.prompt_tokens, "route=\"%s\",kind=\"prompt\"", route);
        add(metrics, TOKENS, result->usage.completion_tokens, "route=\"%s\",kind=\"completion\"",
            route);
        add(metrics, TOKENS, result->usage.cached_tokens, "route=\"%s\",kind=\"cached\"", route);
    }
    if (result->first_token_ms > 0)
        observe(metrics, route, result->first_token_ms);
    pthread_mutex_unlock(&metrics->lock);
}

void gateway_metrics_count_refused(gateway_metrics *metrics, amphi_status status)
{
    pthread_mutex_lock(&metrics->lock);
    add(metrics, REFUSED, 1, "status=\"%s\"", amphi_status_name(status));
    pthread_mutex_unlock(&metrics->lock);
}

/* ---- writing ---- */

static void write_family(FILE *out, const gateway_metrics *metrics, family of)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s counter\n", families[of].name, families[of].help,
        families[of].name);
    for (size_t i = 0; i < metrics->counters_count; i++)
        if (metrics->counters[i].family == of)
            fprintf(out, "%s{%s} %" PRIu64 "\n", families[of].name, metrics->counters[i].labels,
                metrics->counters[i].value);
}

static void write_histogram(FILE *out, const histogram *h)
{
    static const char name[] = "amphi_first_token_seconds";
    uint64_t count = 0;
    for (size_t i = 0; i < BOUNDS; i++) {
        count += h->buckets[i];
        fprintf(out, "%s_bucket{route=\"%s\",le=\"%g\"} %" PRIu64 "\n", name, h->route,
            bounds_ms[i] / 1000.0, count);
    }
    count += h->buckets[BOUNDS];
    fprintf(out, "%s_bucket{route=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, h->route, count);
    fprintf(out, "%s_sum{route=\"%s\"} %.3f\n", name, h->route, (double)h->sum_ms / 1000.0);
    fprintf(out, "%s_count{route=\"%s\"} %" PRIu64 "\n", name, h->route, count);
}

char *gateway_metrics_write(gateway_metrics *metrics, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (out == NULL)
        return NULL;
    pthread_mutex_lock(&metrics->lock);
    for (unsigned f = 0; f < FAMILY_COUNT; f++)
        write_family(out, metrics, (family)f);
    fputs("# HELP amphi_first_token_seconds From a request's start to its first text, by route\n"
          "# TYPE amphi_first_token_seconds histogram\n",
        out);
    for (size_t i = 0; i < metrics->histograms_count; i++)
        write_histogram(out, &metrics->histograms[i]);
    fprintf(out,
        "# HELP amphi_metrics_dropped_total Events that found no room in these tables\n"
        "# TYPE amphi_metrics_dropped_total counter\namphi_metrics_dropped_total %" PRIu64 "\n",
        metrics->dropped);
    pthread_mutex_unlock(&metrics->lock);
    bool good = ferror(out) == 0;
    if (fclose(out) != 0 || !good) {
        free(text);
        return NULL;
    }
    return text;
}
