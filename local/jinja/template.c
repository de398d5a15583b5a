/* SPDX-License-Identifier: Apache-2.0
 *
 * A chat template: compiled once into a tree, rendered with a conversation. JSON becomes values of
 * the render's arena first; a variable that the template never names is not converted.
 */
#include "local/jinja/template.h"

#include "local/jinja/render.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"

#define COMPILED_MAX ((size_t)64 << 20)

struct amphi_template {
    jinja_arena arena;
    jinja_program program;
};

amphi_status amphi__template_new(amphi_template **out, amphi_str source, amphi_error *error)
{
    amphi_template *tmpl = amphi__calloc(1, sizeof *tmpl);
    *out = NULL;
    if (tmpl == NULL)
        return amphi__fail_no_memory(error);
    amphi__jinja_arena_init(&tmpl->arena, COMPILED_MAX);
    amphi_status status = amphi__jinja_parse(&tmpl->program, &tmpl->arena, source, error);
    if (status == AMPHI_OK) {
        *out = tmpl;
        tmpl = NULL;
    }
    amphi__template_free(tmpl);
    return status;
}

void amphi__template_free(amphi_template *tmpl)
{
    if (tmpl != NULL) {
        amphi__jinja_arena_clear(&tmpl->arena);
        amphi__free(tmpl);
    }
}

static bool from_json(jinja_render *r, const amphi_json *json, jinja_value *out);

static bool from_array(jinja_render *r, const amphi_json *json, jinja_value *out)
{
    jinja_list *list;
    if (!amphi__jinja_list_make(r, &list))
        return false;
    jinja_value value;
    for (const amphi_json *item = amphi__json_first(json); item != NULL;
         item = amphi__json_next(item))
        if (!from_json(r, item, &value) || !amphi__jinja_push(r, list, value))
            return false;
    *out = amphi__jinja_list_value(JINJA_LIST, list);
    return true;
}

static bool from_object(jinja_render *r, const amphi_json *json, jinja_value *out)
{
    jinja_dict *dict = amphi__jinja_dict_new(&r->arena);
    if (dict == NULL)
        return amphi__jinja_fail_bounds(r, NULL);
    jinja_value value;
    for (const amphi_json *member = amphi__json_first(json); member != NULL;
         member = amphi__json_next(member))
        if (!from_json(r, member, &value) ||
            !amphi__jinja_dict_put(r, dict, amphi__jinja_str(amphi__json_key(member)), value))
            return false;
    *out = (jinja_value){.kind = JINJA_DICT, .as.dict = dict};
    return true;
}

/* Strings are borrowed from the document. Its depth is bounded by the JSON reader. */
static bool from_json(jinja_render *r, const amphi_json *json, jinja_value *out)
{
    int64_t integer;
    switch (amphi__json_kind(json)) {
    case AMPHI_JSON_BOOL:
        *out = amphi__jinja_bool(amphi__json_bool(json, false));
        return true;
    case AMPHI_JSON_NUMBER:
        integer = amphi__json_int(json, INT64_MIN);
        *out = integer != INT64_MIN && !amphi__json_is_float(json)
                   ? amphi__jinja_int(integer)
                   : amphi__jinja_float(amphi__json_number(json, 0));
        return true;
    case AMPHI_JSON_STRING:
        *out = amphi__jinja_str(amphi__json_string(json));
        return true;
    case AMPHI_JSON_ARRAY:
        return from_array(r, json, out);
    case AMPHI_JSON_OBJECT:
        return from_object(r, json, out);
    default:
        *out = amphi__jinja_none();
        return true;
    }
}

/* Sets a variable that the template names. */
static bool set_variable(
    jinja_render *r, const jinja_program *program, amphi_str name, jinja_value value)
{
    const jinja_value *symbol = amphi__jinja_dict_get_str(program->symbols, name);
    return symbol == NULL ||
           amphi__jinja_scope_set(r, r->scope, (uint32_t)symbol->as.integer, value);
}

static bool set_json(
    jinja_render *r, const jinja_program *program, amphi_str name, const amphi_json *json)
{
    jinja_value value;
    return amphi__jinja_dict_get_str(program->symbols, name) == NULL ||
           (from_json(r, json, &value) && set_variable(r, program, name, value));
}

static bool set_variables(
    jinja_render *r, const jinja_program *program, const amphi_template_input *input)
{
    if (!set_json(r, program, AMPHI_STR("messages"), input->messages) ||
        !set_json(r, program, AMPHI_STR("tools"), input->tools) ||
        !set_json(r, program, AMPHI_STR("documents"), NULL) ||
        !set_variable(r, program, AMPHI_STR("bos_token"), amphi__jinja_str(input->bos_token)) ||
        !set_variable(r, program, AMPHI_STR("eos_token"), amphi__jinja_str(input->eos_token)) ||
        !set_variable(r, program, AMPHI_STR("add_generation_prompt"),
            amphi__jinja_bool(input->add_generation_prompt)))
        return false;
    for (const amphi_json *member = amphi__json_first(input->extra); member != NULL;
         member = amphi__json_next(member))
        if (!set_json(r, program, amphi__json_key(member), member))
            return false;
    return true;
}

amphi_status amphi__template_render(const amphi_template *tmpl, const amphi_template_input *input,
    amphi_buf *out, amphi_error *error)
{
    size_t before = out->size;
    jinja_render r = {.error = error, .now_s = input->now_s};
    amphi__error_clear(error);
    amphi__jinja_arena_init(&r.arena, JINJA_MEMORY_MAX);
    r.work = (jinja_work){
        .steps_left = JINJA_STEPS_MAX, .depth_left = JINJA_VALUE_DEPTH, .cancel = input->cancel};
    r.scope = amphi__jinja_scope_new(&r, NULL);
    if (r.scope != NULL && set_variables(&r, &tmpl->program, input)) {
        r.scope = amphi__jinja_scope_new(&r, r.scope);
        if (r.scope != NULL) {
            amphi__jinja_exec(&r, &tmpl->program.body, out);
            if (r.work.spent) /* in the last comparison: its result is void */
                amphi__jinja_fail_bounds(&r, NULL);
        }
    }
    if (r.status != AMPHI_OK) /* half a prompt is no prompt */
        amphi__buf_truncate(out, before);
    amphi__jinja_arena_clear(&r.arena);
    return r.status;
}
