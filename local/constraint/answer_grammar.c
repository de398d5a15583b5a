/* SPDX-License-Identifier: Apache-2.0
 *
 * The forms of an answer as grammars. Each tool's parameters are a schema document of their own,
 * with its own #/$defs.
 */
#include "local/constraint/answer_grammar.h"

#include "local/constraint/json_schema.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

static amphi_str text_of(const amphi_json *object, const char *key)
{
    return amphi__json_string(amphi__json_get(object, key));
}

/* "auto" and the like, also as {"type": "auto"}. */
static bool is_mode(const amphi_json *choice, const char *mode)
{
    return amphi__str_equal_c(amphi__json_string(choice), mode) ||
           amphi__str_equal_c(text_of(choice, "type"), mode);
}

/* The function that tool_choice names, as chat completions or as responses do; empty: none. */
static amphi_str chosen_name(const amphi_json *choice)
{
    amphi_str name = text_of(amphi__json_get(choice, "function"), "name");
    return name.size == 0 && is_mode(choice, "function") ? text_of(choice, "name") : name;
}

amphi_answer_grammar_kind amphi__answer_grammar_kind(const amphi_json *request)
{
    const amphi_json *choice = amphi__json_get(request, "tool_choice");
    const amphi_json *format = amphi__json_get(request, "response_format");
    amphi_json_kind kind = amphi__json_kind(format);
    if (is_mode(choice, "required") || (amphi__json_kind(choice) == AMPHI_JSON_OBJECT &&
                                           !is_mode(choice, "auto") && !is_mode(choice, "none")))
        return AMPHI_ANSWER_GRAMMAR_CALL;
    return kind == AMPHI_JSON_NONE || kind == AMPHI_JSON_NULL ||
                   amphi__str_equal_c(text_of(format, "type"), "text")
               ? AMPHI_ANSWER_GRAMMAR_FREE
               : AMPHI_ANSWER_GRAMMAR_JSON;
}

bool amphi__answer_grammar_may_call(const amphi_json *request)
{
    return amphi__json_first(amphi__json_get(request, "tools")) != NULL &&
           !is_mode(amphi__json_get(request, "tool_choice"), "none");
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* Holds beside each schema of parameters: arguments are an object. */
static amphi_status add_object(amphi_grammar *g, const amphi_json *parameters, uint32_t next,
    uint32_t *entry, amphi_error *error)
{
    amphi_json *object = NULL;
    amphi_status status =
        amphi__json_parse(&object, AMPHI_STR("{\"type\":\"object\"}"), "arguments", error);
    if (status == AMPHI_OK)
        status = amphi__json_schema_add(g, parameters, object, next, entry, error);
    amphi__json_free(object);
    return status;
}

/* The arguments of one tool; without parameters there are none to give. */
static amphi_status add_arguments(amphi_grammar *g, const amphi_json *parameters, uint32_t next,
    uint32_t *entry, amphi_error *error)
{
    amphi_json_kind kind = amphi__json_kind(parameters);
    if (kind == AMPHI_JSON_NONE || kind == AMPHI_JSON_NULL) {
        *entry = amphi__grammar_literal(g, AMPHI_STR("{}"), next);
        return AMPHI_OK;
    }
    if ((kind == AMPHI_JSON_OBJECT && amphi__json_first(parameters) == NULL) ||
        amphi__json_bool(parameters, false)) {
        *entry = amphi__grammar_any_object(g, next);
        return AMPHI_OK;
    }
    return add_object(g, parameters, next, entry, error);
}

/* One line for what went wrong while a grammar grew. */
static amphi_status grown(amphi_status status, amphi_error *error)
{
    return amphi__fail_grown(error, status, "tools: they are too large");
}

static amphi_status add_call(
    amphi_grammar *g, const amphi_json *function, uint32_t *entry, amphi_error *error)
{
    uint32_t at = amphi__grammar_space(g, amphi__grammar_any_of(g, "}", g->returns));
    amphi_status status = add_arguments(g, amphi__json_get(function, "parameters"), at, &at, error);
    if (status != AMPHI_OK)
        return status;
    at = amphi__grammar_literal(g, AMPHI_STR("\"arguments\""), amphi__grammar_colon(g, at));
    at = amphi__grammar_comma(g, at);
    amphi_buf name;
    amphi__buf_init(&name, 1 << 20);
    status = amphi__json_quote(&name, text_of(function, "name"));
    at = amphi__grammar_literal(g, amphi__buf_str(&name), at);
    amphi__buf_clear(&name);
    at = amphi__grammar_literal(g, AMPHI_STR("\"name\""), amphi__grammar_colon(g, at));
    *entry = amphi__grammar_any_of(g, "{", amphi__grammar_space(g, at));
    return grown(status == AMPHI_OK ? g->status : status, error);
}

static amphi_status compile_call(amphi_grammar *out, const amphi_json *request, amphi_error *error)
{
    const amphi_json *tool = amphi__json_first(amphi__json_get(request, "tools"));
    const amphi_json *choice = amphi__json_get(request, "tool_choice");
    amphi_str wanted = chosen_name(choice);
    uint32_t all = 0;
    size_t count = 0;
    if (wanted.size == 0 && !is_mode(choice, "required"))
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "tool_choice: auto, none, required or the name of a function is expected");
    if (amphi__grammar_init(out) != AMPHI_OK)
        return amphi__fail_no_memory(error);
    for (; tool != NULL; tool = amphi__json_next(tool)) {
        const amphi_json *function = amphi__json_get(tool, "function");
        amphi_str name = text_of(function, "name");
        uint32_t entry = 0;
        if (name.size == 0 || (wanted.size > 0 && !amphi__str_equal(name, wanted)))
            continue;
        amphi_status status = add_call(out, function, &entry, error);
        if (status != AMPHI_OK)
            return status;
        all = amphi__grammar_either(out, all, entry);
        count++;
    }
    if (count == 0)
        return amphi__fail(error, AMPHI_E_REQUEST, 0,
            "tool_choice: it asks for a function that is not among the tools");
    out->rules[0] = all;
    return grown(out->status, error);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static amphi_status compile_json(amphi_grammar *out, const amphi_json *format, amphi_error *error)
{
    amphi_str type = text_of(format, "type");
    if (amphi__str_equal_c(type, "json_object")) {
        const amphi_json *schema = amphi__json_get(format, "schema");
        if (schema != NULL)
            return amphi__json_schema_compile(out, schema, error);
        if (amphi__grammar_init(out) == AMPHI_OK)
            out->rules[0] = amphi__grammar_any_object(out, out->returns);
        return out->status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
    }
    if (!amphi__str_equal_c(type, "json_schema"))
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "response_format: text, json_object or json_schema is expected");
    const amphi_json *schema = amphi__json_get(amphi__json_get(format, "json_schema"), "schema");
    if (schema == NULL)
        return amphi__fail(
            error, AMPHI_E_REQUEST, 0, "response_format.json_schema.schema is missing");
    return amphi__json_schema_compile(out, schema, error);
}

amphi_status amphi__answer_grammar_compile(
    amphi_grammar *out, const amphi_json *request, amphi_error *error)
{
    *out = (amphi_grammar){0}; /* so that it can be cleared after any failure */
    return amphi__answer_grammar_kind(request) == AMPHI_ANSWER_GRAMMAR_CALL
               ? compile_call(out, request, error)
               : compile_json(out, amphi__json_get(request, "response_format"), error);
}
