/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters that give a text or a number: case, trimming, replacing, padding, escaping, JSON.
 */
#include "local/jinja/render.h"
#include "local/jinja/unicode.h"

#include "sdk/core/str.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool is_set(jinja_value value)
{
    return value.kind != JINJA_MISSING && value.kind != JINJA_NONE;
}

static bool self_text(jinja_call *call, amphi_str *out)
{
    return amphi__jinja_text(call->r, call->self, out) && amphi__jinja_charge(call->r, out->size);
}

static bool recase(jinja_call *call, jinja_case how, jinja_value *out)
{
    amphi_str text;
    return self_text(call, &text) && amphi__jinja_recase(call->r, text, how, out);
}

static bool filter_upper(jinja_call *call, jinja_value *out)
{
    return recase(call, JINJA_UPPER, out);
}

static bool filter_lower(jinja_call *call, jinja_value *out)
{
    return recase(call, JINJA_LOWER, out);
}

static bool filter_capitalize(jinja_call *call, jinja_value *out)
{
    return recase(call, JINJA_CAPITAL, out);
}

/* A word begins after blanks, '-' and opening brackets only: "they're" has one capital letter. */
static bool filter_title(jinja_call *call, jinja_value *out)
{
    amphi_str text;
    if (!self_text(call, &text) || !amphi__jinja_charge_chars(call->r, text.size))
        return false;
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    bool begins = true;
    size_t size;
    for (size_t i = 0; i < text.size; i += size) {
        uint32_t c = amphi__jinja_char_at(text, i, &size);
        if (begins)
            amphi__jinja_put_upper(&buf, c);
        else
            amphi__jinja_put_lower(&buf, c);
        begins = amphi__jinja_is_space(c) || (c < 0x80 && c > 0 && strchr("-({[<", (int)c) != NULL);
    }
    return amphi__jinja_take_text(call->r, &buf, out);
}

static bool filter_trim(jinja_call *call, jinja_value *out)
{
    amphi_str text;
    return self_text(call, &text) && amphi__jinja_strip(call->r, text, call->args[0], 3, out);
}

static bool filter_replace(jinja_call *call, jinja_value *out)
{
    amphi_str text;
    amphi_str old;
    amphi_str by;
    int64_t limit;
    return self_text(call, &text) && amphi__jinja_text(call->r, call->args[0], &old) &&
           amphi__jinja_text(call->r, call->args[1], &by) &&
           amphi__jinja_int_arg(call, 2, -1, &limit) &&
           amphi__jinja_replace(call->r, text, old, by, limit, out);
}

bool amphi__jinja_escape(jinja_render *r, jinja_value value, jinja_value *out)
{
    if (value.kind == JINJA_STRING && value.markup) {
        *out = value;
        return true;
    }
    amphi_str text;
    if (!amphi__jinja_text(r, value, &text) || !amphi__jinja_charge(r, text.size))
        return false;
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    for (size_t i = 0; i < text.size && buf.status == AMPHI_OK; i++) {
        switch (text.data[i]) {
        case '&':
            amphi__buf_append_c(&buf, "&amp;");
            break;
        case '<':
            amphi__buf_append_c(&buf, "&lt;");
            break;
        case '>':
            amphi__buf_append_c(&buf, "&gt;");
            break;
        case '\'':
            amphi__buf_append_c(&buf, "&#39;");
            break;
        case '"':
            amphi__buf_append_c(&buf, "&#34;");
            break;
        default:
            amphi__buf_append_char(&buf, text.data[i]);
        }
    }
    if (!amphi__jinja_take_text(r, &buf, out))
        return false;
    out->markup = true;
    return true;
}

static bool filter_escape(jinja_call *call, jinja_value *out)
{
    return amphi__jinja_escape(call->r, call->self, out);
}

static bool filter_forceescape(jinja_call *call, jinja_value *out)
{
    jinja_value value = call->self;
    value.markup = false;
    return amphi__jinja_escape(call->r, value, out);
}

static bool filter_string(jinja_call *call, jinja_value *out)
{
    amphi_str text;
    if (!amphi__jinja_text(call->r, call->self, &text))
        return false;
    *out = amphi__jinja_str(text);
    out->markup = call->self.kind == JINJA_STRING && call->self.markup;
    return true;
}

static bool filter_safe(jinja_call *call, jinja_value *out)
{
    if (!filter_string(call, out))
        return false;
    out->markup = true;
    return true;
}

static bool filter_default(jinja_call *call, jinja_value *out)
{
    bool falsy = call->args[1].kind != JINJA_MISSING && amphi__jinja_truth(call->args[1]) &&
                 !amphi__jinja_truth(call->self);
    *out = call->self;
    if (call->self.kind == JINJA_UNDEFINED || falsy) {
        *out =
            call->args[0].kind != JINJA_MISSING ? call->args[0] : amphi__jinja_str(AMPHI_STR(""));
    }
    return true;
}

static bool put_spaces(jinja_call *call, int64_t count, amphi_str *out)
{
    jinja_value value;
    if (!amphi__jinja_pad(call->r, AMPHI_STR(""), count, AMPHI_STR(" "), '<', &value))
        return false;
    *out = value.as.text;
    return true;
}

static bool filter_indent(jinja_call *call, jinja_value *out)
{
    bool first = is_set(call->args[1]) && amphi__jinja_truth(call->args[1]);
    bool blank = is_set(call->args[2]) && amphi__jinja_truth(call->args[2]);
    int64_t width = 4;
    amphi_str space;
    if (call->args[0].kind == JINJA_STRING)
        space = call->args[0].as.text;
    else if (!amphi__jinja_int_arg(call, 0, 4, &width) || !put_spaces(call, width, &space))
        return false;
    if (call->self.kind != JINJA_STRING)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "indent needs a string");
    amphi_str text;
    if (!amphi__jinja_concat(&call->r->arena, call->self.as.text, AMPHI_STR("\n"), &text))
        return amphi__jinja_fail_bounds(call->r, NULL);
    jinja_list *lines;
    if (!amphi__jinja_charge(call->r, text.size) ||
        !amphi__jinja_split_lines(call->r, text, false, &lines))
        return false;
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    amphi__buf_append_str(&buf, first ? space : AMPHI_STR(""));
    for (size_t i = 0; i < lines->count && buf.status == AMPHI_OK; i++) {
        amphi__buf_append_str(&buf, i > 0 ? AMPHI_STR("\n") : AMPHI_STR(""));
        if (i > 0 && (blank || lines->items[i].as.text.size > 0))
            amphi__buf_append_str(&buf, space);
        amphi__buf_append_str(&buf, lines->items[i].as.text);
    }
    return amphi__jinja_take_text(call->r, &buf, out);
}

static bool filter_truncate(jinja_call *call, jinja_value *out)
{
    bool kill = is_set(call->args[1]) && amphi__jinja_truth(call->args[1]);
    amphi_str end = AMPHI_STR("...");
    int64_t length, leeway, count;
    if (!amphi__jinja_length(call->r, call->self, &count) ||
        !amphi__jinja_int_arg(call, 0, 255, &length) ||
        !amphi__jinja_int_arg(call, 3, 5, &leeway) ||
        (is_set(call->args[2]) && !amphi__jinja_text(call->r, call->args[2], &end)))
        return false;
    int64_t end_count = (int64_t)amphi__jinja_char_count(end);
    if (length < end_count || leeway < 0)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "truncate has too small a length");
    *out = call->self;
    if (leeway >= count || count - leeway <= length)
        return true;
    if (call->self.kind != JINJA_STRING)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "truncate needs a string");
    amphi_str text = call->self.as.text;
    amphi_str cut =
        amphi__str_slice(text, 0, amphi__jinja_char_offset(text, (size_t)(length - end_count)));
    for (size_t i = cut.size; !kill && i > 0; i--) {
        if (cut.data[i - 1] == ' ') {
            cut.size = i - 1;
            break;
        }
    }
    return amphi__jinja_concat(&call->r->arena, cut, end, &out->as.text) ||
           amphi__jinja_fail_bounds(call->r, NULL);
}

static bool filter_wordcount(jinja_call *call, jinja_value *out)
{
    amphi_str text;
    if (!self_text(call, &text) || !amphi__jinja_charge_chars(call->r, text.size))
        return false;
    int64_t words = 0;
    bool in_word = false;
    size_t size;
    for (size_t i = 0; i < text.size; i += size) {
        uint32_t c = amphi__jinja_char_at(text, i, &size);
        bool word = amphi__jinja_is_alpha(c) || amphi__jinja_is_digit(c) || c == '_';
        words += word && !in_word;
        in_word = word;
    }
    *out = amphi__jinja_int(words);
    return true;
}

static bool filter_center(jinja_call *call, jinja_value *out)
{
    amphi_str text;
    int64_t width;
    return self_text(call, &text) && amphi__jinja_int_arg(call, 0, 80, &width) &&
           amphi__jinja_pad(call->r, text, width, AMPHI_STR(" "), '^', out);
}

static bool filter_format(jinja_call *call, jinja_value *out)
{
    jinja_list values = {call->args, call->count, call->count};
    jinja_dict *dict = amphi__jinja_dict_new(&call->r->arena);
    if (dict == NULL)
        return amphi__jinja_fail_bounds(call->r, NULL);
    amphi_str text;
    if (!self_text(call, &text))
        return false;
    if (call->named_count == 0) {
        return amphi__jinja_percent(
            call->r, text, amphi__jinja_list_value(JINJA_TUPLE, &values), out);
    }
    if (call->count > 0) {
        return amphi__jinja_fail(
            call->r, AMPHI_E_FORMAT, "format takes positional or named values, not both");
    }
    for (size_t i = 0; i < call->named_count; i++)
        if (!amphi__jinja_dict_put(
                call->r, dict, amphi__jinja_str(call->named[i].name), call->named[i].value))
            return false;
    return amphi__jinja_percent(
        call->r, text, (jinja_value){.kind = JINJA_DICT, .as.dict = dict}, out);
}

static void quote_url(amphi_buf *out, amphi_str text, bool query)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("-_.~", c) != NULL) || (c == '/' && !query);
        if (plain)
            amphi__buf_append_char(out, c);
        else if (c == ' ' && query)
            amphi__buf_append_char(out, '+');
        else
            amphi__buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
}

static bool filter_urlencode(jinja_call *call, jinja_value *out)
{
    jinja_call items = *call;
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    amphi_str text;
    if (call->self.kind == JINJA_STRING || !amphi__jinja_is_iterable(call->self)) {
        if (!self_text(call, &text))
            return false;
        quote_url(&buf, text, false);
        return amphi__jinja_take_text(call->r, &buf, out);
    }
    *out = call->self;
    jinja_list *pairs;
    if ((call->self.kind == JINJA_DICT &&
            !amphi__jinja_invoke(&amphi__jinja_container_methods[0].items[1], &items, out)) ||
        !amphi__jinja_iterate(call->r, *out, &pairs))
        return false;
    jinja_list *pair;
    for (size_t i = 0; i < pairs->count; i++) {
        bool fine = amphi__jinja_iterate(call->r, pairs->items[i], &pair) &&
                    (pair->count == 2 ||
                        amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "urlencode needs pairs"));
        for (size_t part = 0; part < 2; part++) {
            if (!fine || !amphi__jinja_text(call->r, pair->items[part], &text)) {
                amphi__buf_clear(&buf);
                return false;
            }
            amphi__buf_append_c(&buf, part > 0 ? "=" : i > 0 ? "&" : "");
            quote_url(&buf, text, true);
        }
    }
    return amphi__jinja_take_text(call->r, &buf, out);
}

static bool json_style(jinja_call *call, jinja_json_style *style)
{
    jinja_value indent = call->args[1], separators = call->args[2];
    style->ascii_only = call->args[0].kind != JINJA_MISSING && amphi__jinja_truth(call->args[0]);
    style->sort_keys = call->args[3].kind != JINJA_MISSING && amphi__jinja_truth(call->args[3]);
    style->pretty = is_set(indent);
    style->item_separator = style->pretty ? AMPHI_STR(",") : AMPHI_STR(", ");
    style->key_separator = AMPHI_STR(": ");
    if (indent.kind == JINJA_STRING) {
        style->indent = indent.as.text;
    } else if (style->pretty) {
        int64_t width;
        if (!amphi__jinja_int_arg(call, 1, 0, &width) || !put_spaces(call, width, &style->indent))
            return false;
    }
    if (!is_set(separators))
        return true;
    if ((separators.kind != JINJA_TUPLE && separators.kind != JINJA_LIST) ||
        separators.as.list->count != 2 || separators.as.list->items[0].kind != JINJA_STRING ||
        separators.as.list->items[1].kind != JINJA_STRING)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "tojson needs two separators");
    style->item_separator = separators.as.list->items[0].as.text;
    style->key_separator = separators.as.list->items[1].as.text;
    return true;
}

static bool filter_tojson(jinja_call *call, jinja_value *out)
{
    jinja_json_style style = {0};
    if (!json_style(call, &style))
        return false;
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    if (!amphi__jinja_to_json(&buf, call->self, &style, &call->r->work) && buf.status == AMPHI_OK &&
        !call->r->work.spent) {
        amphi__buf_clear(&buf);
        return amphi__jinja_fail(
            call->r, AMPHI_E_FORMAT, "tojson is given something that has no JSON form");
    }
    return amphi__jinja_take_text(call->r, &buf, out);
}

/* int(text, base) of Python; false: not a number. */
static bool read_int(amphi_str text, int64_t base, int64_t *out)
{
    size_t size = 0;
    char digits[80];
    for (size_t i = 0; i < text.size; i++) {
        bool between = i > 0 && i + 1 < text.size && text.data[i - 1] != '_';
        if (text.data[i] == '_' && between)
            continue;
        if (size + 1 >= sizeof digits || amphi__jinja_is_space((unsigned char)text.data[i]))
            return false;
        digits[size++] = text.data[i];
    }
    digits[size] = '\0';
    errno = 0;
    char *end;
    *out = strtoll(digits, &end, (int)base);
    return size > 0 && end == digits + size && errno == 0;
}

static bool filter_int(jinja_call *call, jinja_value *out)
{
    jinja_value text = call->self;
    double number = amphi__jinja_is_number(text) ? amphi__jinja_number(text) : NAN;
    *out = call->args[0].kind != JINJA_MISSING ? call->args[0] : amphi__jinja_int(0);
    if (text.kind == JINJA_UNDEFINED)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "int is given an undefined value");
    int64_t base;
    if (!amphi__jinja_int_arg(call, 1, 10, &base))
        return false;
    if (text.kind == JINJA_INT) {
        *out = text;
        return true;
    }
    if (text.kind == JINJA_STRING) {
        amphi__jinja_strip(call->r, text.as.text, amphi__jinja_none(), 3, &text);
        int64_t whole;
        if (base >= 2 && base <= 36 && read_int(text.as.text, base, &whole)) {
            *out = amphi__jinja_int(whole);
            return true;
        }
        if (!amphi__jinja_read_float(text.as.text, &number))
            return true;
    }
    if (number > -9.2e18 && number < 9.2e18)
        *out = amphi__jinja_int((int64_t)number);
    return true;
}

static bool filter_float(jinja_call *call, jinja_value *out)
{
    jinja_value text = call->self;
    *out = call->args[0].kind != JINJA_MISSING ? call->args[0] : amphi__jinja_float(0);
    if (text.kind == JINJA_UNDEFINED)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "float is given an undefined value");
    if (amphi__jinja_is_number(text)) {
        *out = amphi__jinja_float(amphi__jinja_number(text));
    } else if (text.kind == JINJA_STRING) {
        amphi__jinja_strip(call->r, text.as.text, amphi__jinja_none(), 3, &text);
        double number;
        if (amphi__jinja_read_float(text.as.text, &number))
            *out = amphi__jinja_float(number);
    }
    return true;
}

static bool filter_abs(jinja_call *call, jinja_value *out)
{
    if (!amphi__jinja_is_number(call->self))
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "abs needs a number");
    if (call->self.kind == JINJA_FLOAT) {
        *out = amphi__jinja_float(fabs(call->self.as.number));
        return true;
    }
    return amphi__jinja_unary(
        call->r, amphi__jinja_number(call->self) < 0 ? '-' : '+', call->self, out);
}

/* Rounded to `digits` after the point, half to even on the exact binary value, as Python does. */
static double round_to(double value, int64_t digits)
{
    double result = value;
    if (digits < 0) {
        double scale = pow(10, (double)(digits < -300 ? 300 : -digits));
        return nearbyint(value / scale) * scale;
    }
    amphi_buf buf;
    amphi__buf_init(&buf, 1024);
    amphi__jinja_fixed_to_text(&buf, value, (int)(digits > 60 ? 60 : digits));
    if (!amphi__jinja_read_float(amphi__buf_str(&buf), &result))
        result = value; /* too long to be rounded at all */
    amphi__buf_clear(&buf);
    return result;
}

static bool filter_round(jinja_call *call, jinja_value *out)
{
    jinja_value self = call->self, method = call->args[1];
    if (!amphi__jinja_is_number(self))
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "round needs a number");
    int64_t digits;
    if (!amphi__jinja_int_arg(call, 0, 0, &digits))
        return false;
    double number = amphi__jinja_number(self);
    if (!is_set(method) ||
        (method.kind == JINJA_STRING && amphi__str_equal_c(method.as.text, "common"))) {
        if (self.kind == JINJA_FLOAT) {
            *out = amphi__jinja_float(round_to(number, digits));
        } else {
            number = digits < 0 ? round_to(number, digits) : 0;
            *out = digits < 0 && fabs(number) < 9e18 ? amphi__jinja_int((int64_t)number)
                   : self.kind == JINJA_BOOL         ? amphi__jinja_int(self.as.boolean)
                                                     : self;
        }
        return true;
    }
    double scale = pow(10, (double)digits);
    if (method.kind == JINJA_STRING && amphi__str_equal_c(method.as.text, "ceil"))
        *out = amphi__jinja_float((ceil(number * scale) + 0.0) / scale);
    else if (method.kind == JINJA_STRING && amphi__str_equal_c(method.as.text, "floor"))
        *out = amphi__jinja_float((floor(number * scale) + 0.0) / scale);
    else
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "round knows common, ceil and floor");
    return true;
}

static const jinja_builtin filters[] = {{"upper", filter_upper, "", 0},
    {"lower", filter_lower, "", 0}, {"capitalize", filter_capitalize, "", 0},
    {"title", filter_title, "", 0}, {"trim", filter_trim, "chars", 0},
    {"replace", filter_replace, "old,new,count", 2}, {"escape", filter_escape, "", 0},
    {"e", filter_escape, "", 0}, {"forceescape", filter_forceescape, "", 0},
    {"safe", filter_safe, "", 0}, {"string", filter_string, "", 0},
    {"default", filter_default, "default_value,boolean", 0},
    {"d", filter_default, "default_value,boolean", 0},
    {"indent", filter_indent, "width,first,blank", 0},
    {"truncate", filter_truncate, "length,killwords,end,leeway", 0},
    {"wordcount", filter_wordcount, "", 0}, {"center", filter_center, "width", 0},
    {"format", filter_format, NULL, 0}, {"urlencode", filter_urlencode, "", 0},
    {"tojson", filter_tojson, "ensure_ascii,indent,separators,sort_keys", 0},
    {"int", filter_int, "default,base", 0}, {"float", filter_float, "default", 0},
    {"abs", filter_abs, "", 0}, {"round", filter_round, "precision,method", 0}};
const jinja_table amphi__jinja_text_filters = {filters, COUNT_OF(filters)};
