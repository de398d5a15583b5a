/* SPDX-License-Identifier: Apache-2.0
 *
 * Chat templates: the Jinja in a model file, in a bounded interpreter. Templates are hostile
 * input: compiling is bounded in size and depth, rendering in steps, depth and output bytes.
 */
#ifndef AMPHI_JINJA_TEMPLATE_H
#define AMPHI_JINJA_TEMPLATE_H

#include "sdk/core/cancel.h"
#include "sdk/core/json.h"

typedef struct amphi_template amphi_template;

typedef struct amphi_template_input {
    const amphi_json *messages; /* array */
    const amphi_json *tools;    /* array, or NULL: undefined... rendered as none */
    const amphi_json *extra;    /* object: each member becomes a variable; or NULL */
    amphi_str bos_token;
    amphi_str eos_token;
    bool add_generation_prompt;
    int64_t now_s;              /* what strftime_now sees: seconds of local civil time */
    const amphi_cancel *cancel; /* NULL, or polled with every step: AMPHI_E_CANCELLED */
} amphi_template_input;

/* AMPHI_E_FORMAT with line and what; AMPHI_E_LIMIT. Whitespace as transformers compiles them:
 * trim_blocks and lstrip_blocks on. */
amphi_status amphi__template_new(amphi_template **out, amphi_str source, amphi_error *error);
void amphi__template_free(amphi_template *tmpl);
/* Appends to `out`. raise_exception() in the template: AMPHI_E_REQUEST with its message. */
amphi_status amphi__template_render(const amphi_template *tmpl, const amphi_template_input *input,
    amphi_buf *out, amphi_error *error);

#endif
