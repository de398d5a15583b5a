/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON: strict in what it reads, exact in what it writes. A strict grammar check (json_check.c: RFC
 * 8259, valid UTF-8, nothing after the value, bounded depth and size) runs before cJSON, which
 * alone accepts too much. cJSON is included by json.c only.
 *
 * Where cJSON would lose something, this is what happens: an escaped U+0000 in a string becomes
 * U+FFFD; of duplicate keys the last one counts. Numbers are doubles, but whole ones are written
 * again with all their digits, and 1.0 stays apart from 1.
 */
#ifndef AMPHI_CORE_JSON_H
#define AMPHI_CORE_JSON_H

#include "sdk/core/buf.h"

#include <amphi/error.h>

typedef struct amphi_json amphi_json; /* a value inside a parsed document */

typedef enum amphi_json_kind {
    AMPHI_JSON_NONE = 0, /* of NULL: no such member */
    AMPHI_JSON_NULL,
    AMPHI_JSON_BOOL,
    AMPHI_JSON_NUMBER,
    AMPHI_JSON_STRING,
    AMPHI_JSON_ARRAY,
    AMPHI_JSON_OBJECT
} amphi_json_kind;

#define AMPHI_JSON_DEPTH_MAX 128
#define AMPHI_JSON_SIZE_MAX  (64u << 20)
/* A value takes about 80 bytes in a tree, also where it is two bytes of text ("1,"). A document has
 * so many values at most, and one more for every so many bytes: trees of large ones stay below the
 * size of their text. */
#define AMPHI_JSON_TREE_VALUES_MIN      (64u << 10)
#define AMPHI_JSON_TREE_BYTES_PER_VALUE 128u
/* A double holds every whole number with so many digits. */
#define AMPHI_JSON_DIGITS_EXACT 15

/* Only the grammar. `what` names the document in the message ("policy"). */
amphi_status amphi__json_check(amphi_str text, const char *what, amphi_error *error);
/* For text that a tree will be made of: also refuses more values than that may have, with
 * AMPHI_E_LIMIT. *has_special: does valid text hold a number that is not whole, or too long for a
 * double? */
amphi_status amphi__json_check_numbers(
    amphi_str text, const char *what, bool *has_special, amphi_error *error);
/* Of text that this check accepted, with its *has_special. AMPHI_OK or AMPHI_E_NO_MEMORY. */
amphi_status amphi__json_parse_checked(amphi_json **out, amphi_str text, bool has_special);
/* AMPHI_E_FORMAT with the offset, AMPHI_E_LIMIT, AMPHI_E_NO_MEMORY. Free the root. */
amphi_status amphi__json_parse(
    amphi_json **out, amphi_str text, const char *what, amphi_error *error);
void amphi__json_free(amphi_json *root);

/* Every function accepts NULL (kind NONE), so lookups can be chained without checks. */
amphi_json_kind amphi__json_kind(const amphi_json *value);
/* Member by exact key, or NULL. */
const amphi_json *amphi__json_get(const amphi_json *object, const char *key);
bool amphi__json_is_string(const amphi_json *value);
/* The string's bytes, or the empty string for anything else. Valid as long as the document. */
amphi_str amphi__json_string(const amphi_json *value);
double amphi__json_number(const amphi_json *value, double otherwise);
/* Was the number written with a fraction or an exponent? (1.0 and 1e3 are floats to Python.) */
bool amphi__json_is_float(const amphi_json *value);
/* A whole number's digits where a double may not hold them all; otherwise empty. */
amphi_str amphi__json_digits(const amphi_json *value);
/* A whole number in int64's range, exactly, or `otherwise`. */
int64_t amphi__json_int(const amphi_json *value, int64_t otherwise);
bool amphi__json_bool(const amphi_json *value, bool otherwise);
/* Walking: first child of an array or object, then its siblings; NULL at the end. */
const amphi_json *amphi__json_first(const amphi_json *container);
const amphi_json *amphi__json_next(const amphi_json *value);
amphi_str amphi__json_key(const amphi_json *member);
size_t amphi__json_count(const amphi_json *container);            /* walks: O(n) */
bool amphi__json_equal(const amphi_json *a, const amphi_json *b); /* objects without order */

/* Compact text of a value, members in their order. Numbers as short as is exact. */
amphi_status amphi__json_write(amphi_buf *out, const amphi_json *value);
/* The same with object members sorted by key bytes: for canonical forms. */
amphi_status amphi__json_write_sorted(amphi_buf *out, const amphi_json *value);
/* An object in that form without those of its own members whose key `is_left_out`. */
amphi_status amphi__json_write_sorted_but(
    amphi_buf *out, const amphi_json *object, bool (*is_left_out)(amphi_str key));

/* Writing without a tree. Commas are added automatically; key is NULL inside arrays and at the top.
 *     amphi_json_writer w;
 *     amphi__json_writer_init(&w, &buf);
 *     amphi__json_open(&w, NULL, '{');
 *     amphi__json_put_str(&w, "id", id);
 *     amphi__json_close(&w, '}');
 * Failures are remembered in the buffer's status. */
typedef struct amphi_json_writer {
    amphi_buf *out;
    bool comma;
} amphi_json_writer;

void amphi__json_writer_init(amphi_json_writer *writer, amphi_buf *out);
void amphi__json_open(amphi_json_writer *writer, const char *key, char bracket); /* '{' '[' */
void amphi__json_close(amphi_json_writer *writer, char bracket);                 /* '}' ']' */
/* Invalid UTF-8 is written as U+FFFD. */
void amphi__json_put_str(amphi_json_writer *writer, const char *key, amphi_str value);
void amphi__json_put_int(amphi_json_writer *writer, const char *key, int64_t value);
void amphi__json_put_number(amphi_json_writer *writer, const char *key, double value);
void amphi__json_put_bool(amphi_json_writer *writer, const char *key, bool value);
void amphi__json_put_null(amphi_json_writer *writer, const char *key);
/* `raw` is JSON already. */
void amphi__json_put_raw(amphi_json_writer *writer, const char *key, amphi_str raw);
void amphi__json_put_value(amphi_json_writer *writer, const char *key, const amphi_json *value);
/* A key of any bytes (amphi__json_put_* take C strings); put a value with key NULL next. */
void amphi__json_put_key(amphi_json_writer *writer, amphi_str key);
/* Only a quoted, escaped string. */
amphi_status amphi__json_quote(amphi_buf *out, amphi_str value);

#endif
