/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a chat template, rendered over a conversation with tools and the variables of the
 * unit tests' cases (most seeds are those cases): refused, or bounded, and the same again when it
 * is rendered twice.
 *
 * The arena allocates so seldom that no allocation in the middle of things would ever fail;
 * so the linker puts the functions __wrap_... in place of its own, where each may.
 */
#include "tests/fuzz/fuzz.h"

#include "local/jinja/arena.h"
#include "local/jinja/template.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/template_context.h"

static const char messages_json[] =
    "[{\"role\":\"system\",\"content\":\"Be kind.\"},{\"role\":\"user\",\"content\":\"Hi "
    "\\u00e9\"},"
    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\","
    "\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1.5,\"y\":[true,null]}}}]},"
    "{\"role\":\"tool\",\"content\":\"4\",\"tool_call_id\":\"a\"}]";
static const char tools_json[] =
    "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\","
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"number\"}}}}}]";
static amphi_json *messages;
static amphi_json *tools;
static amphi_json *context;

/* ---- an arena that runs out ----------------------------------------------------------------- */

#define ARENA_FUNCTION(result, name, failure, parameters, arguments)                               \
    result __real_amphi__jinja_##name parameters;                                                  \
    result __wrap_amphi__jinja_##name parameters;                                                  \
    result __wrap_amphi__jinja_##name parameters                                                   \
    {                                                                                              \
        if (!failing_alloc_now())                                                                  \
            return __real_amphi__jinja_##name arguments;                                           \
        arena->status = AMPHI_E_NO_MEMORY;                                                         \
        return failure;                                                                            \
    }

ARENA_FUNCTION(void *, alloc, NULL, (jinja_arena * arena, size_t size), (arena, size))
ARENA_FUNCTION(char *, alloc_text, NULL, (jinja_arena * arena, size_t size), (arena, size))
ARENA_FUNCTION(void *, alloc_array, NULL, (jinja_arena * arena, size_t count, size_t size),
    (arena, count, size))
ARENA_FUNCTION(void *, grow, NULL,
    (jinja_arena * arena, void *items, size_t count, size_t *capacity, size_t size),
    (arena, items, count, capacity, size))
ARENA_FUNCTION(bool, concat, false, (jinja_arena * arena, amphi_str a, amphi_str b, amphi_str *out),
    (arena, a, b, out))
ARENA_FUNCTION(
    bool, copy, false, (jinja_arena * arena, amphi_str text, amphi_str *out), (arena, text, out))

/* ---- one template --------------------------------------------------------------------------- */

static amphi_status render(const amphi_template *tmpl, amphi_buf *out)
{
    const amphi_template_input input = {.messages = messages,
        .tools = tools,
        .extra = amphi__json_get(context, "extra"),
        .bos_token = AMPHI_STR("<s>"),
        .eos_token = AMPHI_STR("</s>"),
        .add_generation_prompt = true,
        .now_s = 1700000000};
    amphi_error error = {0};
    amphi__buf_init(out, 1 << 16);
    amphi_status status = amphi__template_render(tmpl, &input, out, &error);
    fuzz_expect(status == AMPHI_OK || (out->size == 0 && error.message[0] != '\0'));
    return status;
}

static void body(const uint8_t *data, size_t size)
{
    amphi_template *tmpl = NULL;
    amphi_error error = {0};
    if (size > 4096)
        return;
    bool compiles_in_peace = fuzz_hash(data, size) >> 16 & 3;
    if (!compiles_in_peace)
        fuzz_starve();
    amphi_status status = amphi__template_new(&tmpl, fuzz_input(data, size), &error);
    fuzz_expect((status == AMPHI_OK) == (tmpl != NULL));
    fuzz_expect(status == AMPHI_OK || error.message[0] != '\0');
    if (status != AMPHI_OK)
        return;
    if (compiles_in_peace)
        fuzz_starve();
    amphi_buf first;
    status = render(tmpl, &first);
    if (fuzz_hash(data, size) % 16 == 1) {
        amphi_buf second;
        fuzz_expect(render(tmpl, &second) == status || fuzz_starved());
        fuzz_expect(
            fuzz_starved() || amphi__str_equal(amphi__buf_str(&first), amphi__buf_str(&second)));
        amphi__buf_clear(&second);
    }
    amphi__buf_clear(&first);
    amphi__template_free(tmpl);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_begin();
    fuzz_expect(amphi__json_parse(&messages, amphi_str_from(messages_json), "", NULL) == AMPHI_OK);
    fuzz_expect(amphi__json_parse(&tools, amphi_str_from(tools_json), "", NULL) == AMPHI_OK);
    fuzz_expect(
        amphi__json_parse(&context, amphi_str_from(template_context), "", NULL) == AMPHI_OK);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_run(body, data, size);
}
