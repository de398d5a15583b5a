/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as JSON: what the check accepts can be parsed, what is written of it is accepted again
 * and means the same, the writer without a tree writes the same bytes, and a chunk of an answer
 * read without a tree has the content that its tree has. A repair changes no good JSON, and nothing
 * that it has repaired.
 */
#include "tests/fuzz/fuzz.h"

#include "remote/json_repair.h"
#include "sdk/core/json.h"
#include "sdk/core/json_span.h"
#include "tests/support/plain_chunk_property.h"

static void rewrite(amphi_json_writer *writer, const char *key, const amphi_json *value);

static void rewrite_children(amphi_json_writer *writer, const amphi_json *container, bool is_object)
{
    for (const amphi_json *child = amphi__json_first(container); child != NULL;
         child = amphi__json_next(child)) {
        amphi_str key = is_object ? amphi__json_key(child) : AMPHI_STR("");
        if (is_object && key.size % 2 == 0)
            amphi__json_put_key(writer, key); /* one of two ways */
        rewrite(writer, is_object && key.size % 2 == 1 ? key.data : NULL, child);
    }
}

static void rewrite(amphi_json_writer *writer, const char *key, const amphi_json *value)
{
    double number = amphi__json_number(value, 0);
    int64_t integer = amphi__json_int(value, INT64_MIN);
    switch (amphi__json_kind(value)) {
    case AMPHI_JSON_NONE:
    case AMPHI_JSON_NULL:
        amphi__json_put_null(writer, key);
        break;
    case AMPHI_JSON_BOOL:
        amphi__json_put_bool(writer, key, amphi__json_bool(value, false));
        break;
    case AMPHI_JSON_NUMBER:
        if (amphi__json_is_float(value) || amphi__json_digits(value).size > 0 || number == 0)
            amphi__json_put_value(writer, key, value); /* 1.0, -0 and long ones: as written */
        else if (integer > -1000 && integer < 1000)
            amphi__json_put_int(writer, key, integer);
        else
            amphi__json_put_number(writer, key, number);
        break;
    case AMPHI_JSON_STRING:
        amphi__json_put_str(writer, key, amphi__json_string(value));
        break;
    case AMPHI_JSON_ARRAY:
        if (amphi__json_count(value) == 1) {
            amphi__json_put_value(writer, key, value);
        } else {
            amphi__json_open(writer, key, '[');
            rewrite_children(writer, value, false);
            amphi__json_close(writer, ']');
        }
        break;
    case AMPHI_JSON_OBJECT:
        if (amphi__json_first(value) == NULL) {
            amphi__json_put_raw(writer, key, AMPHI_STR("{}"));
        } else {
            amphi__json_open(writer, key, '{');
            rewrite_children(writer, value, true);
            amphi__json_close(writer, '}');
        }
        break;
    }
}

/* Is the text accepted, and does it say the same once keys are sorted and duplicates gone? */
static void expect_same(amphi_str text, amphi_str sorted)
{
    amphi_json *again = NULL;
    amphi_json *twin = NULL;
    amphi_buf out;
    amphi__buf_init(&out, 0);
    amphi_error error;
    fuzz_expect(amphi__json_check(text, "output", &error) == AMPHI_OK);
    if (amphi__json_parse(&again, text, "output", &error) == AMPHI_OK &&
        amphi__json_write_sorted(&out, again) == AMPHI_OK &&
        amphi__json_parse(&twin, sorted, "output", &error) == AMPHI_OK) {
        fuzz_expect(amphi__str_equal(amphi__buf_str(&out), sorted));
        amphi__json_free(again);
        again = NULL;
        if (amphi__json_parse(&again, sorted, "output", &error) == AMPHI_OK)
            fuzz_expect(amphi__json_equal(again, twin));
    } else {
        fuzz_expect(fuzz_starved());
    }
    amphi__json_free(again);
    amphi__json_free(twin);
    amphi__buf_clear(&out);
}

static void check_output(const amphi_json *root)
{
    amphi_buf whole;
    amphi__buf_init(&whole, 0);
    amphi_buf sorted;
    amphi__buf_init(&sorted, 0);
    amphi_json_writer writer;
    if (amphi__json_write(&whole, root) == AMPHI_OK &&
        amphi__json_write_sorted(&sorted, root) == AMPHI_OK) {
        expect_same(amphi__buf_str(&whole), amphi__buf_str(&sorted));
        expect_same(amphi__buf_str(&sorted), amphi__buf_str(&sorted));
        amphi__buf_reset(&sorted);
        amphi__json_writer_init(&writer, &sorted);
        rewrite(&writer, NULL, root);
        fuzz_expect(
            fuzz_starved() || amphi__str_equal(amphi__buf_str(&whole), amphi__buf_str(&sorted)));
    } else {
        fuzz_expect(fuzz_starved());
    }
    amphi__buf_clear(&whole);
    amphi__buf_clear(&sorted);
}

static void expect_equal(const amphi_json *a, const amphi_json *b)
{
    amphi_buf first;
    amphi__buf_init(&first, 0);
    amphi_buf second;
    amphi__buf_init(&second, 0);
    if (amphi__json_write(&first, a) == AMPHI_OK && amphi__json_write(&second, b) == AMPHI_OK)
        fuzz_expect(amphi__str_equal(amphi__buf_str(&first), amphi__buf_str(&second)));
    else
        fuzz_expect(fuzz_starved());
    amphi__buf_clear(&first);
    amphi__buf_clear(&second);
}

/* Members that are passed on as they stand make the same object, or one without those that were
 * dropped. */
static void check_spans(amphi_str text, const amphi_json *root)
{
    static const char *const dropped[] = {"dropped", NULL};
    amphi_json *again = NULL;
    size_t drops = 0;
    amphi_json_span span;
    if (!amphi__json_span_init(&span, text) || !span.in_object)
        return;
    amphi_buf out;
    amphi__buf_init(&out, 0);
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, &out);
    amphi__json_open(&writer, NULL, '{');
    amphi_json_member member;
    while (amphi__json_span_next(&span, &member))
        if (amphi__json_key_is_one_of(member.key, dropped))
            drops++;
        else
            amphi__json_member_put(&writer, &member);
    amphi__json_close(&writer, '}');
    if (out.status == AMPHI_OK &&
        amphi__json_parse(&again, amphi__buf_str(&out), "output", NULL) == AMPHI_OK) {
        fuzz_expect(amphi__json_count(again) + drops == amphi__json_count(root));
        if (drops == 0)
            expect_equal(again, root);
    } else {
        fuzz_expect(fuzz_starved());
    }
    amphi__json_free(again);
    amphi__buf_clear(&out);
}

static void check_repair(amphi_str text, bool is_good)
{
    amphi_surrogates pair = {0};
    amphi_buf once;
    amphi_buf twice;
    amphi_buf joined;
    amphi__buf_init(&once, 0);
    amphi__buf_init(&twice, 0);
    amphi__buf_init(&joined, 0);
    if (amphi__json_repair(&once, text) == AMPHI_OK &&
        amphi__json_repair(&twice, amphi__buf_str(&once)) == AMPHI_OK) {
        fuzz_expect(amphi__str_equal(amphi__buf_str(&once), amphi__buf_str(&twice)));
        fuzz_expect(!is_good || amphi__str_equal(amphi__buf_str(&once), text));
    } else {
        fuzz_expect(fuzz_starved());
    }
    for (size_t at = 0; at < once.size; at++) /* also at borders within a character */
        amphi__surrogates_join(&pair, &joined, amphi__str_slice(amphi__buf_str(&once), at, at + 1));
    amphi__surrogates_end(&pair, &joined);
    fuzz_expect(pair.high == 0);
    amphi__buf_clear(&once);
    amphi__buf_clear(&twice);
    amphi__buf_clear(&joined);
}

static void body(const uint8_t *data, size_t size)
{
    amphi_json *root = NULL;
    amphi_str text = fuzz_input(data, size);
    fuzz_starve();
    amphi_error error;
    amphi_status status = amphi__json_check(text, "input", &error);
    amphi_status parsed = amphi__json_parse(&root, text, "input", &error);
    fuzz_expect(status == parsed || fuzz_starved());
    check_repair(text, parsed == AMPHI_OK);
    if (parsed == AMPHI_OK) {
        amphi_plain_chunk plain;
        if (amphi__plain_chunk_read(text, &plain))
            fuzz_expect(chunk_says_only(root, &plain) || fuzz_starved());
        check_spans(text, root);
        check_output(root);
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
