/* SPDX-License-Identifier: Apache-2.0
 *
 * Small templates and what the reference implementation (Jinja2 3.1.6 on Python 3.11, set up as in
 * shared/tools/golden_templates.py) renders for template_context (template_context.h).
 */
#ifndef AMPHI_TESTS_SMALL_TEMPLATES_H
#define AMPHI_TESTS_SMALL_TEMPLATES_H

#include "local/jinja/template.h"

typedef struct template_case {
    const char *source;
    const char *text; /* NULL: refused */
} template_case;

/* Fails the test at the first case that renders differently, with both texts. */
void template_check_cases(const template_case *cases, size_t count);

/* The rendered time is 2026-01-02T03:04:05 UTC. */
amphi_template_input template_input_of(const amphi_json *row);
/* The context as JSON; the caller frees it. */
amphi_json *template_context_parse(void);
/* Compiles and renders into `out`. */
amphi_status template_render(
    amphi_str source, const amphi_template_input *input, amphi_buf *out, amphi_error *error);
/* The same with the context; the caller clears `out`. */
amphi_status template_render_small(const char *source, amphi_buf *out, amphi_error *error);

#endif
