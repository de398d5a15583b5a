/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as the body of a request to the gateway, whose reader makes no tree. It accepts what
 * the library's check accepts and nothing else, but for what is nested too deeply; its walk finds
 * the members and elements that the library's walk finds; and what its writer makes of them is JSON
 * that means the same.
 */
#include "tests/fuzz/fuzz.h"

#include "bindings/gateway/json_reader.h"
#include "bindings/gateway/json_writer.h"
#include "sdk/core/json.h"
#include "sdk/core/json_span.h"

enum { GATEWAY_DEPTH_MAX = 64 };

/* Of checked text. */
static unsigned depth_of(amphi_str text)
{
    unsigned depth = 0, deepest = 0;
    bool quoted = false;
    for (size_t at = 0; at < text.size; at++) {
        char c = text.data[at];
        if (c == '"')
            quoted = !quoted;
        else if (quoted && c == '\\')
            at++;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']'))
            depth--;
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

static void check_kind(amphi_str value)
{
    amphi_str inner = gateway_json_inner(value);
    char first = value.data[0];
    fuzz_expect(gateway_json_is_object(value) == (first == '{'));
    fuzz_expect(gateway_json_is_array(value) == (first == '['));
    fuzz_expect(gateway_json_is_string(value) == (first == '"'));
    fuzz_expect(gateway_json_is_null(value) == (first == 'n'));
    fuzz_expect(inner.size == 0 || (first == '"' && inner.size + 2 == value.size));
}

/* The same members in the same order, each a value of its own; and the writer's text of them. */
static void walk(amphi_str container, unsigned depth, gateway_json *out)
{
    amphi_json_span span;
    amphi_json_member member;
    amphi_str key, value;
    gateway_json_walk walking = gateway_json_begin(container);
    bool has_members = amphi__json_span_init(&span, container);
    fuzz_expect(has_members || walking.at == NULL);
    while (has_members && amphi__json_span_next(&span, &member)) {
        fuzz_expect(gateway_json_next(&walking, &key, &value));
        fuzz_expect(amphi__str_equal(value, member.value));
        fuzz_expect(amphi__str_equal(key, member.key) && walking.is_object == span.in_object);
        check_kind(value);
        if (walking.is_object)
            gateway_json_member(out, key, value);
        else
            gateway_json_raw(out, NULL, value);
        if (depth > 0) {
            gateway_json inside = {.data = NULL};
            walk(value, depth - 1, &inside);
            gateway_json_wipe(&inside);
        }
    }
    fuzz_expect(!gateway_json_next(&walking, &key, &value));
}

/* Of duplicates the last member counts, here as in the library's tree. */
static void check_get(amphi_str text, const amphi_json *root)
{
    static const char *const keys[] = {"model", "input", "messages", "stream", "a", ""};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const amphi_json *wanted = amphi__json_get(root, keys[i]);
        amphi_str found = gateway_json_get(text, keys[i]);
        if (found.size == 0)
            continue; /* in the tree it may stand under a key with escapes */
        fuzz_expect(wanted != NULL);
        fuzz_expect(
            gateway_json_is_string(found) == amphi__json_is_string(wanted) || wanted == NULL);
    }
}

/* Once keys are sorted and duplicates gone. */
static void expect_same(const amphi_json *a, const amphi_json *b)
{
    amphi_buf first, second;
    amphi__buf_init(&first, 0);
    amphi__buf_init(&second, 0);
    if (amphi__json_write_sorted(&first, a) == AMPHI_OK &&
        amphi__json_write_sorted(&second, b) == AMPHI_OK)
        fuzz_expect(amphi__str_equal(amphi__buf_str(&first), amphi__buf_str(&second)));
    else
        fuzz_expect(fuzz_starved());
    amphi__buf_clear(&first);
    amphi__buf_clear(&second);
}

static void check_written(amphi_str text, const amphi_json *root)
{
    gateway_json out = {.data = NULL};
    amphi_json *again = NULL;
    bool is_object = amphi__json_kind(root) == AMPHI_JSON_OBJECT;
    bool is_array = amphi__json_kind(root) == AMPHI_JSON_ARRAY;
    if (!is_object && !is_array)
        return;
    gateway_json_open(&out, NULL, is_object ? '{' : '[');
    walk(text, 3, &out);
    gateway_json_close(&out, is_object ? '}' : ']');
    fuzz_expect(!out.failed && gateway_json_is_valid(gateway_json_text(&out)));
    if (amphi__json_parse(&again, gateway_json_text(&out), "output", NULL) == AMPHI_OK)
        expect_same(again, root);
    else
        fuzz_expect(fuzz_starved());
    amphi__json_free(again);
    gateway_json_wipe(&out);
}

/* Any bytes as a text of the writer's: always a string of JSON, the same where they are UTF-8. */
static void check_escapes(amphi_str text)
{
    gateway_json out = {.data = NULL};
    gateway_json_str(&out, NULL, text);
    fuzz_expect(!out.failed && out.size >= 2 && out.data[0] == '"');
    if (amphi__utf8_is_valid(text)) {
        amphi_json *value = NULL;
        fuzz_expect(gateway_json_is_valid(gateway_json_text(&out)));
        bool has_nul = memchr(text.data != NULL ? text.data : "", '\0', text.size) != NULL;
        if (amphi__json_parse(&value, gateway_json_text(&out), "output", NULL) == AMPHI_OK)
            fuzz_expect(has_nul || amphi__str_equal(amphi__json_string(value), text));
        else
            fuzz_expect(fuzz_starved());
        amphi__json_free(value);
    }
    gateway_json_wipe(&out);
}

/* Every other way to write, around a number and a text out of the input. */
static void check_writer(const uint8_t *data, size_t size)
{
    gateway_json out = {.data = NULL};
    amphi_str text = fuzz_input(data, size);
    int64_t number = (int64_t)((uint64_t)fuzz_hash(data, size) << (size % 32));
    gateway_json_open(&out, NULL, '{');
    gateway_json_int(&out, "int", size % 2 == 0 ? number : -number);
    gateway_json_bool(&out, "bool", size % 3 == 0);
    gateway_json_c(&out, "c", "text");
    gateway_json_raw(&out, "null", AMPHI_STR(""));
    gateway_json_open(&out, "list", '[');
    gateway_json_members(&out, AMPHI_STR("1,2"));
    gateway_json_members(&out, AMPHI_STR(""));
    gateway_json_bool(&out, NULL, true);
    gateway_json_close(&out, ']');
    if (amphi__utf8_is_valid(text))
        gateway_json_str(&out, "text", text);
    gateway_json_close(&out, '}');
    char *taken = gateway_json_take(&out);
    fuzz_expect(taken != NULL && out.data == NULL);
    amphi_str written = amphi_str_from(taken);
    fuzz_expect(gateway_json_is_valid(written));
    amphi_str wanted = gateway_json_get(written, "int");
    fuzz_expect(strtoll(wanted.data, NULL, 10) == (size % 2 == 0 ? number : -number));
    fuzz_expect(
        gateway_json_is(gateway_json_get(written, "bool"), size % 3 == 0 ? "true" : "false"));
    fuzz_expect(gateway_json_says(gateway_json_get(written, "c"), "text"));
    fuzz_expect(gateway_json_is(gateway_json_get(written, "list"), "[1,2,true]"));
    free(taken);
}

static void body(const uint8_t *data, size_t size)
{
    amphi_json *root = NULL;
    amphi_str text = fuzz_input(data, size);
    fuzz_starve();
    bool is_good = amphi__json_check(text, "input", NULL) == AMPHI_OK;
    bool is_shallow = is_good && depth_of(text) <= GATEWAY_DEPTH_MAX;
    fuzz_expect(gateway_json_is_valid(text) == (is_good && is_shallow));
    check_escapes(text);
    check_writer(data, size);
    if (!is_shallow)
        return;
    if (amphi__json_parse(&root, text, "input", NULL) == AMPHI_OK) {
        amphi_str trimmed = amphi__str_trim(text);
        check_kind(trimmed);
        check_get(text, root);
        check_written(text, root);
    }
    amphi__json_free(root);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_begin();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_run(body, data, size);
}
