/* SPDX-License-Identifier: Apache-2.0
 *
 * Values as text, byte for byte as Python writes them: str(), repr() and json.dumps(). Numbers are
 * read and written here as well, independent of the process's locale.
 */
#include "local/jinja/unicode.h"
#include "local/jinja/value.h"

#include "sdk/core/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The shortest of 1 to 17 digits that reads back as the same double, and its decimal exponent.
 * snprintf and strtod agree on the decimal point, whatever the process's locale makes of it. */
static int shortest_digits(double value, char digits[20], int *exponent)
{
    char text[40];
    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    int count = 0;
    for (const char *p = text; *p != '\0' && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            digits[count++] = *p;
    *exponent = atoi(strchr(text, 'e') + 1);
    return count;
}

void amphi__jinja_float_to_text(amphi_buf *out, double value)
{
    char digits[20] = "";
    if (isnan(value) || isinf(value)) {
        amphi__buf_append_c(out, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return;
    }
    if (signbit(value))
        amphi__buf_append_char(out, '-');
    int exponent;
    int count = shortest_digits(fabs(value), digits, &exponent);
    if (exponent < -4 || exponent >= 16) {
        amphi__buf_append_char(out, digits[0]);
        if (count > 1) {
            amphi__buf_append_char(out, '.');
            amphi__buf_append(out, digits + 1, (size_t)count - 1);
        }
        amphi__buf_printf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
        return;
    }
    for (int i = exponent < 0 ? exponent : 0; i < count || i <= exponent + 1; i++) {
        if (i == exponent + 1)
            amphi__buf_append_char(out, '.');
        amphi__buf_append_char(out, i >= 0 && i < count ? digits[i] : '0');
    }
}

static char decimal_point(void)
{
    char probe[8];
    snprintf(probe, sizeof probe, "%.1f", 0.5);
    return probe[1];
}

void amphi__jinja_fixed_to_text(amphi_buf *out, double value, int digits)
{
    amphi__jinja_exponent_to_text(out, 'f', value, digits);
}

void amphi__jinja_exponent_to_text(amphi_buf *out, char type, double value, int digits)
{
    const char format[] = {'%', '.', '*', type, '\0'};
    char text[400];
    snprintf(text, sizeof text, format, digits > 60 ? 60 : digits, value);
    char *point = strchr(text, decimal_point());
    if (point != NULL)
        *point = '.';
    amphi__buf_append_c(out, text);
}

bool amphi__jinja_read_float(amphi_str text, double *out)
{
    char digits[128];
    if (text.size >= sizeof digits)
        return false;
    size_t size = 0;
    size_t i = 0;
    for (; i < text.size; i++) {
        char c = text.data[i];
        bool between = i > 0 && i + 1 < text.size && text.data[i - 1] >= '0' &&
                       text.data[i - 1] <= '9' && text.data[i + 1] >= '0' &&
                       text.data[i + 1] <= '9';
        if (c == '_' && between)
            continue;
        if (c == '\0' || strchr("0123456789+-.eE", c) == NULL)
            break; /* "inf" and "nan" come below; no hexadecimal */
        digits[size++] = c == '.' ? decimal_point() : c;
    }
    if (i < text.size) {
        size_t sign = text.size > 0 && (text.data[0] == '-' || text.data[0] == '+');
        amphi_str word = amphi__str_slice(text, sign, text.size);
        bool infinite = amphi__str_equal_ignore_case(word, AMPHI_STR("inf")) ||
                        amphi__str_equal_ignore_case(word, AMPHI_STR("infinity"));
        *out =
            infinite ? (text.data[0] == '-' ? -(double)INFINITY : (double)INFINITY) : (double)NAN;
        return infinite || amphi__str_equal_ignore_case(word, AMPHI_STR("nan"));
    }
    digits[size] = '\0';
    char *end;
    *out = strtod(digits, &end);
    return size > 0 && end == digits + size;
}

/* Writes ASCII that stands for itself in both notations; the offset behind it. */
static size_t put_plain_run(amphi_buf *out, amphi_str text, size_t from)
{
    size_t to = from;
    while (to < text.size && text.data[to] >= ' ' && text.data[to] <= '~' && text.data[to] != '"' &&
           text.data[to] != '\'' && text.data[to] != '\\')
        to++;
    if (to > from)
        amphi__buf_append(out, text.data + from, to - from);
    return to;
}

static void repr_string(amphi_buf *out, amphi_str text)
{
    bool single = memchr(text.data != NULL ? text.data : "", '\'', text.size) != NULL;
    bool twice = memchr(text.data != NULL ? text.data : "", '"', text.size) != NULL;
    char quote = single && !twice ? '"' : '\'';
    amphi__buf_append_char(out, quote);
    size_t size;
    for (size_t i = put_plain_run(out, text, 0); i < text.size && out->status == AMPHI_OK;
         i = put_plain_run(out, text, i + size)) {
        uint32_t c = amphi__jinja_char_at(text, i, &size);
        if (c == (unsigned char)quote || c == '\\') {
            amphi__buf_append_char(out, '\\');
            amphi__buf_append_char(out, (char)c);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            amphi__buf_append_c(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        } else if (amphi__jinja_is_printable(c)) {
            amphi__buf_append(out, text.data + i, size);
        } else if (c < 0x100) {
            amphi__buf_printf(out, "\\x%02x", (unsigned)c);
        } else {
            amphi__buf_printf(out, c < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)c);
        }
    }
    amphi__buf_append_char(out, quote);
}

static void repr_items(
    amphi_buf *out, const jinja_list *list, const char *open, const char *close, jinja_work *work)
{
    amphi__buf_append_c(out, open);
    for (size_t i = 0; i < list->count && out->status == AMPHI_OK && !work->spent; i++) {
        if (i > 0)
            amphi__buf_append_c(out, ", ");
        amphi__jinja_repr(out, list->items[i], work);
    }
    amphi__buf_append_c(out, close);
}

static void repr_dict(amphi_buf *out, const jinja_dict *dict, jinja_work *work)
{
    amphi__buf_append_char(out, '{');
    for (size_t i = 0; i < dict->count && out->status == AMPHI_OK && !work->spent; i++) {
        if (i > 0)
            amphi__buf_append_c(out, ", ");
        amphi__jinja_repr(out, dict->entries[i].key, work);
        amphi__buf_append_c(out, ": ");
        amphi__jinja_repr(out, dict->entries[i].value, work);
    }
    amphi__buf_append_char(out, '}');
}

static void repr_view(amphi_buf *out, const jinja_view *view, jinja_work *work)
{
    const jinja_dict *dict = view->dict;
    amphi__buf_append_c(out, view->what == 'k'   ? "dict_keys(["
                             : view->what == 'v' ? "dict_values(["
                                                 : "dict_items([");
    for (size_t i = 0; i < dict->count && out->status == AMPHI_OK && !work->spent; i++) {
        amphi__buf_append_c(out, i > 0 ? ", " : "");
        amphi__buf_append_c(out, view->what == 'i' ? "(" : "");
        if (view->what != 'v')
            amphi__jinja_repr(out, dict->entries[i].key, work);
        amphi__buf_append_c(out, view->what == 'i' ? ", " : "");
        if (view->what != 'k')
            amphi__jinja_repr(out, dict->entries[i].value, work);
        amphi__buf_append_c(out, view->what == 'i' ? ")" : "");
    }
    amphi__buf_append_c(out, "])");
}

static void repr_range(amphi_buf *out, const jinja_range *range)
{
    amphi__buf_printf(out, "range(%lld, %lld", (long long)range->start, (long long)range->stop);
    if (range->step != 1)
        amphi__buf_printf(out, ", %lld", (long long)range->step);
    amphi__buf_append_char(out, ')');
}

static void repr_inner(amphi_buf *out, jinja_value value, jinja_work *work)
{
    switch (value.kind) {
    case JINJA_UNDEFINED:
    case JINJA_MISSING:
        amphi__buf_append_c(out, "Undefined");
        break;
    case JINJA_NONE:
        amphi__buf_append_c(out, "None");
        break;
    case JINJA_BOOL:
        amphi__buf_append_c(out, value.as.boolean ? "True" : "False");
        break;
    case JINJA_INT:
        amphi__buf_printf(out, "%lld", (long long)value.as.integer);
        break;
    case JINJA_FLOAT:
        amphi__jinja_float_to_text(out, value.as.number);
        break;
    case JINJA_STRING:
        amphi__jinja_work_take(work, value.as.text.size / 64);
        repr_string(out, value.as.text);
        break;
    case JINJA_LIST:
        repr_items(out, value.as.list, "[", "]", work);
        break;
    case JINJA_TUPLE:
        repr_items(out, value.as.list, "(", value.as.list->count == 1 ? ",)" : ")", work);
        break;
    case JINJA_DICT:
        repr_dict(out, value.as.dict, work);
        break;
    case JINJA_NAMESPACE:
        amphi__buf_append_c(out, "<Namespace ");
        repr_dict(out, value.as.dict, work);
        amphi__buf_append_char(out, '>');
        break;
    case JINJA_RANGE:
        repr_range(out, value.as.range);
        break;
    case JINJA_VIEW:
        repr_view(out, value.as.view, work);
        break;
    default:
        amphi__buf_printf(out, "<%s>", amphi__jinja_type_name(value));
    }
}

void amphi__jinja_repr(amphi_buf *out, jinja_value value, jinja_work *work)
{
    if (amphi__jinja_work_enter(work)) {
        repr_inner(out, value, work);
        work->depth_left++;
    }
}

void amphi__jinja_to_text(amphi_buf *out, jinja_value value, jinja_work *work)
{
    if (value.kind == JINJA_STRING)
        amphi__buf_append_str(out, value.as.text);
    else if (value.kind != JINJA_UNDEFINED && value.kind != JINJA_MISSING)
        amphi__jinja_repr(out, value, work);
}

static void json_string(amphi_buf *out, amphi_str text, bool ascii_only)
{
    static const char *const short_forms[] = {['\b'] = "\\b",
        ['\t'] = "\\t",
        ['\n'] = "\\n",
        ['\f'] = "\\f",
        ['\r'] = "\\r",
        ['"'] = "\\\"",
        ['\\'] = "\\\\"};
    amphi__buf_append_char(out, '"');
    size_t size;
    for (size_t i = put_plain_run(out, text, 0); i < text.size && out->status == AMPHI_OK;
         i = put_plain_run(out, text, i + size)) {
        uint32_t c = amphi__jinja_char_at(text, i, &size);
        if (c <= '\\' && short_forms[c] != NULL) {
            amphi__buf_append_c(out, short_forms[c]);
        } else if (c < 0x20 || (ascii_only && c >= 0x7F && c < 0x10000)) {
            amphi__buf_printf(out, "\\u%04x", (unsigned)c);
        } else if (ascii_only && c >= 0x10000) {
            c -= 0x10000;
            amphi__buf_printf(out, "\\u%04x\\u%04x", 0xD800u + (unsigned)(c >> 10),
                0xDC00u + (unsigned)(c & 0x3FF));
        } else {
            amphi__buf_append(out, text.data + i, size);
        }
    }
    amphi__buf_append_char(out, '"');
}

static void json_float(amphi_buf *out, double value)
{
    if (isnan(value) || isinf(value)) {
        amphi__buf_append_c(out, isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
        return;
    }
    amphi__jinja_float_to_text(out, value);
}

static bool json_value(amphi_buf *out, jinja_value value, const jinja_json_style *style,
    size_t level, jinja_work *work);

static void json_line(amphi_buf *out, const jinja_json_style *style, size_t level)
{
    if (style->pretty) {
        amphi__buf_append_char(out, '\n');
        for (size_t i = 0; i < level; i++)
            amphi__buf_append_str(out, style->indent);
    }
}

static bool json_list(amphi_buf *out, const jinja_list *list, const jinja_json_style *style,
    size_t level, jinja_work *work)
{
    amphi__buf_append_char(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            amphi__buf_append_str(out, style->item_separator);
        json_line(out, style, level + 1);
        if (!json_value(out, list->items[i], style, level + 1, work))
            return false;
    }
    if (list->count > 0)
        json_line(out, style, level);
    amphi__buf_append_char(out, ']');
    return true;
}

static bool json_key(amphi_buf *out, jinja_value key, const jinja_json_style *style)
{
    switch (key.kind) {
    case JINJA_STRING:
        json_string(out, key.as.text, style->ascii_only);
        return true;
    case JINJA_NONE:
        amphi__buf_append_c(out, "\"null\"");
        return true;
    case JINJA_BOOL:
        amphi__buf_append_c(out, key.as.boolean ? "\"true\"" : "\"false\"");
        return true;
    case JINJA_INT:
        amphi__buf_printf(out, "\"%lld\"", (long long)key.as.integer);
        return true;
    case JINJA_FLOAT:
        amphi__buf_append_char(out, '"');
        json_float(out, key.as.number);
        amphi__buf_append_char(out, '"');
        return true;
    default:
        return false;
    }
}

/* The next entry in key order after `last` (NULL: the first); quadratic, and only for sort_keys. */
static const jinja_entry *next_sorted(
    const jinja_dict *dict, const jinja_entry *last, jinja_work *work)
{
    const jinja_entry *best = NULL;
    for (size_t i = 0; i < dict->count; i++) {
        const jinja_entry *entry = &dict->entries[i];
        int order;
        if (last != NULL &&
            (!amphi__jinja_order(entry->key, last->key, &order, work) || order <= 0))
            continue;
        if (best == NULL || (amphi__jinja_order(entry->key, best->key, &order, work) && order < 0))
            best = entry;
    }
    return best;
}

static bool json_dict(amphi_buf *out, const jinja_dict *dict, const jinja_json_style *style,
    size_t level, jinja_work *work)
{
    amphi__buf_append_char(out, '{');
    const jinja_entry *entry = NULL;
    for (size_t i = 0; i < dict->count; i++) {
        entry = style->sort_keys ? next_sorted(dict, entry, work) : &dict->entries[i];
        if (entry == NULL || work->spent)
            return false; /* keys of kinds that have no common order */
        if (i > 0)
            amphi__buf_append_str(out, style->item_separator);
        json_line(out, style, level + 1);
        if (!json_key(out, entry->key, style))
            return false;
        amphi__buf_append_str(out, style->key_separator);
        if (!json_value(out, entry->value, style, level + 1, work))
            return false;
    }
    if (dict->count > 0)
        json_line(out, style, level);
    amphi__buf_append_char(out, '}');
    return true;
}

static bool json_inner(amphi_buf *out, jinja_value value, const jinja_json_style *style,
    size_t level, jinja_work *work)
{
    switch (value.kind) {
    case JINJA_NONE:
        amphi__buf_append_c(out, "null");
        return true;
    case JINJA_BOOL:
        amphi__buf_append_c(out, value.as.boolean ? "true" : "false");
        return true;
    case JINJA_INT:
        amphi__buf_printf(out, "%lld", (long long)value.as.integer);
        return true;
    case JINJA_FLOAT:
        json_float(out, value.as.number);
        return true;
    case JINJA_STRING:
        json_string(out, value.as.text, style->ascii_only);
        return amphi__jinja_work_take(work, value.as.text.size / 64);
    case JINJA_LIST:
    case JINJA_TUPLE:
        return json_list(out, value.as.list, style, level, work);
    case JINJA_DICT:
        return json_dict(out, value.as.dict, style, level, work);
    default:
        return false;
    }
}

static bool json_value(amphi_buf *out, jinja_value value, const jinja_json_style *style,
    size_t level, jinja_work *work)
{
    if (out->status != AMPHI_OK || !amphi__jinja_work_enter(work))
        return false;
    bool fine = json_inner(out, value, style, level, work);
    work->depth_left++;
    return fine;
}

bool amphi__jinja_to_json(
    amphi_buf *out, jinja_value value, const jinja_json_style *style, jinja_work *work)
{
    return json_value(out, value, style, 0, work);
}
