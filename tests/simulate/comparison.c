/* SPDX-License-Identifier: Apache-2.0
 *
 * The page is one file: its plots are SVG, its colours stand in it, and it refers to nothing.
 */
#include "tests/simulate/comparison.h"

#include <math.h>
#include <string.h>

#define BAR_WIDTH    420
#define COLUMN_WIDTH 24
#define PLOT_HEIGHT  160

void sim_comparison_add(
    sim_comparison *c, const char *name, const char *unit, const double values[SIM_POLICIES_MAX])
{
    if (c->figures_count == SIM_FIGURES_MAX)
        return;
    sim_figure *figure = &c->figures[c->figures_count++];
    figure->name = name;
    figure->unit = unit;
    memcpy(figure->values, values, sizeof figure->values);
}

void sim_comparison_print(FILE *out, const sim_comparison *c)
{
    for (size_t i = 0; i < c->policies_count; i++)
        fprintf(out, "%zu: %s, %llu requests\n", i + 1, c->names[i],
            (unsigned long long)c->requests[i]);
    for (size_t f = 0; f < c->figures_count; f++) {
        fprintf(out, "%-30s", c->figures[f].name);
        for (size_t i = 0; i < c->policies_count; i++)
            if (isnan(c->figures[f].values[i]))
                fprintf(out, " %10s", "unknown");
            else
                fprintf(out, " %10.1f", c->figures[f].values[i]);
        fprintf(out, "  %s\n", c->figures[f].unit);
    }
    fputs(c->notes, out);
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

static void put_bars(FILE *out, const sim_figure *figure, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, isnan(figure->values[i]) ? 0 : figure->values[i]);
    fprintf(out, "<h3>%s (%s)</h3><svg width=\"%d\" height=\"%zu\">", figure->name, figure->unit,
        BAR_WIDTH + 240, count * 24);
    for (size_t i = 0; i < count; i++) {
        double value = figure->values[i];
        double width = most > 0 && !isnan(value) ? value / most * BAR_WIDTH : 0;
        fprintf(out,
            "<rect class=\"p%zu\" x=\"0\" y=\"%zu\" width=\"%.0f\" height=\"18\"/>"
            "<text x=\"%d\" y=\"%zu\">%zu: ",
            i, i * 24, width, BAR_WIDTH + 8, i * 24 + 14, i + 1);
        if (isnan(value))
            fputs("unknown</text>", out);
        else
            fprintf(out, "%.1f</text>", value);
    }
    fputs("</svg>\n", out);
}

/* For each column, which share of its requests was answered by what. */
static void put_routes(FILE *out, const sim_comparison *c, size_t policy)
{
    fprintf(out, "<svg width=\"%zu\" height=\"%d\">", c->columns_count * COLUMN_WIDTH, PLOT_HEIGHT);
    for (size_t column = 0; column < c->columns_count; column++) {
        const double *routes = c->routes[policy][column];
        double all = 0;
        double y = 0;
        for (int i = 0; i < SIM_ROUTES; i++)
            all += routes[i];
        for (int i = 0; i < SIM_ROUTES && all > 0; i++) {
            double height = routes[i] / all * PLOT_HEIGHT;
            fprintf(out, "<rect class=\"r%d\" x=\"%zu\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"/>",
                i, column * COLUMN_WIDTH, y, COLUMN_WIDTH - 1, height);
            y += height;
        }
    }
    fputs("</svg>\n", out);
}

void sim_comparison_page(FILE *out, const sim_comparison *c)
{
    fputs("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<title>Amphi: policies compared</title>\n"
          "<style>body{font:15px sans-serif;margin:2em}pre{white-space:pre-wrap}text{font:13px "
          "sans-serif}"
          ".p0{fill:#4477aa}.p1{fill:#ee6677}.p2{fill:#228833}.p3{fill:#ccbb44}"
          ".r0{fill:#228833}.r1{fill:#4477aa}.r2{fill:#ccbb44}.r3{fill:#aa3377}.r4{fill:#bbbbbb}"
          ".r5{fill:#eeeeee}</style></head><body>\n",
        out);
    fprintf(out, "<h1>Policies compared</h1><p>%s</p><ol>", c->subject);
    for (size_t i = 0; i < c->policies_count; i++) {
        fputs("<li>", out);
        put_text(out, c->names[i]);
        fprintf(out, ": %llu requests</li>", (unsigned long long)c->requests[i]);
    }
    fputs("</ol>\n", out);
    for (size_t f = 0; f < c->figures_count; f++)
        put_bars(out, &c->figures[f], c->policies_count);
    fprintf(out,
        "<h2>Routes over time</h2><p>%s: green the model, blue a cloud, yellow the cache, purple"
        " the outbox, grey none, white unknown.</p>\n",
        c->columns);
    for (size_t i = 0; i < c->policies_count; i++) {
        fprintf(out, "<h3>%zu: ", i + 1);
        put_text(out, c->names[i]);
        fputs("</h3>\n", out);
        put_routes(out, c, i);
    }
    if (c->notes[0] != '\0') {
        fputs("<h2>How this was found</h2>\n<pre>", out);
        put_text(out, c->notes);
        fputs("</pre>\n", out);
    }
    fputs("</body></html>\n", out);
}

bool sim_comparison_report(const char *path, const sim_comparison *c)
{
    if (path == NULL)
        return true;
    FILE *page = fopen(path, "we");
    if (page != NULL)
        sim_comparison_page(page, c);
    if (page != NULL && fclose(page) == 0)
        return true;
    fprintf(stderr, "amphi-simulate: %s: can't be written\n", path);
    return false;
}
