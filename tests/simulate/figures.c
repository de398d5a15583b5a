/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting times are kept in classes an eighth of a doubling wide, so a percentile is exact within
 * five percent.
 */
#include "tests/simulate/figures.h"

#include <math.h>

#define CLASSES_PER_DOUBLING 8.0
#define BAR_WIDTH            420
#define MINUTE_WIDTH         24
#define PLOT_HEIGHT          160

uint32_t sim_wait_class(uint32_t ms)
{
    double class = ms > 1 ? floor(log2(ms) * CLASSES_PER_DOUBLING) : 0;
    return class < SIM_WAITS - 1 ? (uint32_t) class : SIM_WAITS - 1;
}

uint32_t sim_wait_of_share(const uint64_t waits[SIM_WAITS], double share)
{
    uint64_t all = 0, below = 0;
    uint32_t i = 0;
    for (i = 0; i < SIM_WAITS; i++)
        all += waits[i];
    for (i = 0; i < SIM_WAITS && all > 0; i++) {
        below += waits[i];
        if ((double)below >= share * (double)all)
            break;
    }
    return all > 0 ? (uint32_t)exp2((i + 0.5) / CLASSES_PER_DOUBLING) : 0;
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

/* The rows of table and page. */
typedef struct figure {
    const char *name, *unit;
    double (*of)(const sim_counts *c);
} figure;

static double answered(const sim_counts *c)
{
    return percent(c->done, c->requests);
}

static double queued(const sim_counts *c)
{
    return percent(c->queued, c->requests);
}

static double failed(const sim_counts *c)
{
    return percent(c->failed, c->requests);
}

static double first_token(const sim_counts *c)
{
    return sim_wait_of_share(c->first_token, 0.5);
}

static double first_token_late(const sim_counts *c)
{
    return sim_wait_of_share(c->first_token, 0.95);
}

static double cost(const sim_counts *c)
{
    return c->requests > 0 ? (double)c->microdollars / (double)c->requests : 0;
}

static double computing(const sim_counts *c)
{
    return c->requests > 0 ? (double)c->computing_ms / 1000 / (double)c->requests : 0;
}

static double by_cloud(const sim_counts *c)
{
    return percent(c->cloud, c->requests);
}

static const figure rows[] = {{"answered", "%", answered}, {"queued", "%", queued},
    {"failed", "%", failed}, {"first token, median", "ms", first_token},
    {"first token, 95th percentile", "ms", first_token_late},
    {"cloud cost", "microdollars a request", cost},
    {"computing on the device", "s a request", computing}, {"by a cloud", "%", by_cloud}};

#define ROWS (sizeof rows / sizeof rows[0])

void sim_figures_print(FILE *out, const sim_figures *figures, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%zu: %s, %llu requests\n", i + 1, figures[i].name,
            (unsigned long long)figures[i].counts.requests);
    for (size_t r = 0; r < ROWS; r++) {
        fprintf(out, "%-30s", rows[r].name);
        for (size_t i = 0; i < count; i++)
            fprintf(out, " %10.1f", rows[r].of(&figures[i].counts));
        fprintf(out, "  %s\n", rows[r].unit);
    }
}

/* ---- the page ---- */

static void put_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++)
        if (*text == '<' || *text == '&' || *text == '"')
            fprintf(out, "&#%d;", *text);
        else
            fputc(*text, out);
}

static void put_bars(FILE *out, const figure *row, const sim_figures *figures, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, row->of(&figures[i].counts));
    fprintf(out, "<h3>%s (%s)</h3><svg width=\"%d\" height=\"%zu\">", row->name, row->unit,
        BAR_WIDTH + 240, count * 24);
    for (size_t i = 0; i < count; i++) {
        double value = row->of(&figures[i].counts);
        fprintf(out,
            "<rect class=\"p%zu\" x=\"0\" y=\"%zu\" width=\"%.0f\" height=\"18\"/>"
            "<text x=\"%d\" y=\"%zu\">%zu: %.1f</text>",
            i, i * 24, most > 0 ? value / most * BAR_WIDTH : 0, BAR_WIDTH + 8, i * 24 + 14, i + 1,
            value);
    }
    fputs("</svg>\n", out);
}

/* For each minute of a run, which share of its requests was answered by what. */
static void put_routes(FILE *out, const sim_figures *figures)
{
    fprintf(out, "<svg width=\"%d\" height=\"%d\">", SIM_MINUTES * MINUTE_WIDTH, PLOT_HEIGHT);
    for (int minute = 0; minute < SIM_MINUTES; minute++) {
        const uint64_t *routes = figures->counts.routes[minute];
        uint64_t all = 0;
        double y = 0;
        for (int i = 0; i < SIM_ROUTES; i++)
            all += routes[i];
        for (int i = 0; i < SIM_ROUTES && all > 0; i++) {
            double height = (double)routes[i] / (double)all * PLOT_HEIGHT;
            fprintf(out, "<rect class=\"r%d\" x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"/>",
                i, minute * MINUTE_WIDTH, y, MINUTE_WIDTH - 1, height);
            y += height;
        }
    }
    fputs("</svg>\n", out);
}

void sim_figures_page(FILE *out, const sim_figures *figures, size_t count, uint64_t seeds)
{
    fputs("<!doctype html><meta charset=\"utf-8\"><title>Amphi: policies compared</title>\n"
          "<style>body{font:15px sans-serif;margin:2em}text{font:13px sans-serif}"
          ".p0{fill:#4477aa}.p1{fill:#ee6677}.p2{fill:#228833}.p3{fill:#ccbb44}"
          ".r0{fill:#228833}.r1{fill:#4477aa}.r2{fill:#ccbb44}.r3{fill:#bbbbbb}</style>\n",
        out);
    fprintf(out, "<h1>Policies compared</h1><p>%llu simulated days each, the same for all.</p><ol>",
        (unsigned long long)seeds);
    for (size_t i = 0; i < count; i++) {
        fputs("<li>", out);
        put_text(out, figures[i].name);
        fprintf(out, ": %llu requests", (unsigned long long)figures[i].counts.requests);
    }
    fputs("</ol>\n", out);
    for (size_t r = 0; r < ROWS; r++)
        put_bars(out, &rows[r], figures, count);
    fputs("<h2>Routes over time</h2><p>Each column is a minute of a run (the last: all later ones):"
          " green the model, blue a cloud, yellow the cache, grey none.</p>\n",
        out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "<h3>%zu: ", i + 1);
        put_text(out, figures[i].name);
        fputs("</h3>\n", out);
        put_routes(out, &figures[i]);
    }
}
