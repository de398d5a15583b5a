/* SPDX-License-Identifier: Apache-2.0
 *
 * Python's str methods. Positions are counted in characters, as Python counts them.
 */
#include "local/jinja/render.h"
#include "local/jinja/unicode.h"

#include "sdk/core/str.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

bool amphi__jinja_int_arg(jinja_call *call, size_t index, int64_t otherwise, int64_t *out)
{
    jinja_value value = call->args[index];
    if (value.kind == JINJA_MISSING || value.kind == JINJA_NONE) {
        *out = otherwise;
        return true;
    }
    *out = value.kind == JINJA_BOOL ? value.as.boolean : value.as.integer;
    return value.kind == JINJA_INT || value.kind == JINJA_BOOL ||
           amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "a %s is given where an integer is needed",
               amphi__jinja_type_name(value));
}

bool amphi__jinja_str_arg(jinja_call *call, size_t index, amphi_str *out)
{
    if (call->args[index].kind != JINJA_STRING) {
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "a %s is given where a string is needed",
            amphi__jinja_type_name(call->args[index]));
    }
    *out = call->args[index].as.text;
    return amphi__jinja_charge(call->r, call->self.as.text.size);
}

bool amphi__jinja_replace(
    jinja_render *r, amphi_str text, amphi_str old, amphi_str by, int64_t limit, jinja_value *out)
{
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    size_t at = 0;
    size_t size;
    for (; limit != 0 && buf.status == AMPHI_OK; limit -= limit > 0) {
        amphi_str rest = amphi__str_slice(text, at, text.size);
        size_t found = amphi__str_find(rest, old);
        if (found == SIZE_MAX)
            break;
        amphi__buf_append(&buf, rest.data, found);
        amphi__buf_append_str(&buf, by);
        at += found + old.size;
        if (old.size == 0) { /* between all characters and at both ends */
            if (at >= text.size)
                break;
            amphi__jinja_char_at(text, at, &size);
            amphi__buf_append(&buf, text.data + at, size);
            at += size;
        }
    }
    amphi__buf_append_str(&buf, amphi__str_slice(text, at, text.size));
    return amphi__jinja_take_text(r, &buf, out);
}

static bool push_text(jinja_render *r, jinja_list *list, amphi_str text)
{
    return amphi__jinja_push(r, list, amphi__jinja_str(text));
}

/* split(): words between blanks. After `limit` cuts the rest stays whole. */
static bool split_words(jinja_render *r, amphi_str text, int64_t limit, jinja_list *list)
{
    size_t at = 0, size;
    for (;;) {
        while (at < text.size && amphi__jinja_is_space(amphi__jinja_char_at(text, at, &size)))
            at += size;
        if (at >= text.size)
            return true;
        if (limit == 0)
            return push_text(r, list, amphi__str_slice(text, at, text.size));
        limit -= limit > 0;
        size_t start;
        for (start = at;
             at < text.size && !amphi__jinja_is_space(amphi__jinja_char_at(text, at, &size));
             at += size) {
        }
        if (!push_text(r, list, amphi__str_slice(text, start, at)))
            return false;
    }
}

static bool split_at(
    jinja_render *r, amphi_str text, amphi_str separator, int64_t limit, jinja_list *list)
{
    for (; limit != 0; limit -= limit > 0) {
        size_t found = amphi__str_find(text, separator);
        if (found == SIZE_MAX)
            break;
        if (!push_text(r, list, amphi__str_slice(text, 0, found)))
            return false;
        text = amphi__str_slice(text, found + separator.size, text.size);
    }
    return push_text(r, list, text);
}

static size_t find_last(amphi_str text, amphi_str needle)
{
    for (size_t at = text.size; at + 1 > needle.size; at--) {
        if (at >= needle.size && (needle.size == 0 || memcmp(text.data + at - needle.size,
                                                          needle.data, needle.size) == 0))
            return at - needle.size;
        if (at == 0)
            break;
    }
    return SIZE_MAX;
}

/* find_last compares at every place: its cost for a long needle is bounded here. */
static bool charge_last(jinja_render *r, amphi_str text, amphi_str needle)
{
    return amphi__jinja_charge(r, text.size * (needle.size / 64 + 1));
}

static void turn_around(jinja_list *list)
{
    for (size_t i = 0; i < list->count / 2; i++) {
        jinja_value value = list->items[i];
        list->items[i] = list->items[list->count - 1 - i];
        list->items[list->count - 1 - i] = value;
    }
}

/* The same two from the right; the list is built backwards. */
static bool split_words_last(jinja_render *r, amphi_str text, int64_t limit, jinja_list *list)
{
    size_t end = text.size, start, size;
    for (;; limit -= limit > 0, end = start) {
        while (end > 0 && amphi__jinja_is_space(amphi__jinja_char_before(text, end, &size)))
            end -= size;
        if (end == 0)
            return true;
        for (start = end; limit != 0 && start > 0 &&
                          !amphi__jinja_is_space(amphi__jinja_char_before(text, start, &size));)
            start -= size;
        if (!push_text(r, list, amphi__str_slice(text, limit != 0 ? start : 0, end)))
            return false;
        if (limit == 0)
            return true;
    }
}

static bool split_at_last(
    jinja_render *r, amphi_str text, amphi_str separator, int64_t limit, jinja_list *list)
{
    for (; limit != 0; limit -= limit > 0) {
        size_t found = find_last(text, separator);
        if (found == SIZE_MAX)
            break;
        if (!push_text(r, list, amphi__str_slice(text, found + separator.size, text.size)))
            return false;
        text = amphi__str_slice(text, 0, found);
    }
    return push_text(r, list, text);
}

static bool split(jinja_call *call, bool from_right, jinja_value *out)
{
    amphi_str text = call->self.as.text, separator = {NULL, 0};
    bool words = call->args[0].kind == JINJA_MISSING || call->args[0].kind == JINJA_NONE;
    int64_t limit;
    jinja_list *list;
    if (!amphi__jinja_int_arg(call, 1, -1, &limit) || !amphi__jinja_list_make(call->r, &list) ||
        (!words && !amphi__jinja_str_arg(call, 0, &separator)))
        return false;
    if (!words && separator.size == 0)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "split needs a separator");
    *out = amphi__jinja_list_value(JINJA_LIST, list);
    if (from_right) {
        bool fine = words ? split_words_last(call->r, text, limit, list)
                          : charge_last(call->r, text, separator) &&
                                split_at_last(call->r, text, separator, limit, list);
        turn_around(list);
        return fine;
    }
    return words ? split_words(call->r, text, limit, list)
                 : split_at(call->r, text, separator, limit, list);
}

static bool method_split(jinja_call *call, jinja_value *out)
{
    return split(call, false, out);
}

static bool method_rsplit(jinja_call *call, jinja_value *out)
{
    return split(call, true, out);
}

static bool is_line_end(uint32_t c)
{
    return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
           c == 0x2029;
}

bool amphi__jinja_split_lines(jinja_render *r, amphi_str text, bool keep_ends, jinja_list **out)
{
    if (!amphi__jinja_charge(r, text.size) || !amphi__jinja_list_make(r, out))
        return false;
    size_t start = 0;
    size_t size;
    for (size_t i = 0; i < text.size; i += size) {
        uint32_t c = amphi__jinja_char_at(text, i, &size);
        if (!is_line_end(c))
            continue;
        size += c == '\r' && i + 1 < text.size && text.data[i + 1] == '\n';
        if (!push_text(r, *out, amphi__str_slice(text, start, keep_ends ? i + size : i)))
            return false;
        start = i + size;
    }
    return start >= text.size || push_text(r, *out, amphi__str_slice(text, start, text.size));
}

static bool method_splitlines(jinja_call *call, jinja_value *out)
{
    bool keep = call->args[0].kind != JINJA_MISSING && amphi__jinja_truth(call->args[0]);
    jinja_list *list;
    if (!amphi__jinja_split_lines(call->r, call->self.as.text, keep, &list))
        return false;
    *out = amphi__jinja_list_value(JINJA_LIST, list);
    return true;
}

static bool method_replace(jinja_call *call, jinja_value *out)
{
    amphi_str old;
    amphi_str by;
    int64_t limit;
    return amphi__jinja_str_arg(call, 0, &old) && amphi__jinja_str_arg(call, 1, &by) &&
           amphi__jinja_int_arg(call, 2, -1, &limit) &&
           amphi__jinja_replace(call->r, call->self.as.text, old, by, limit, out);
}

/* The part of self between the characters args[1] and args[2]; *start: its first one's number,
 * -1 when the start lies behind the end of the text. */
static bool part_of(jinja_call *call, amphi_str *out, int64_t *start)
{
    amphi_str text = call->self.as.text;
    if (call->args[1].kind == JINJA_MISSING) {
        *out = text;
        *start = 0;
        return true;
    }
    int64_t count = (int64_t)amphi__jinja_char_count(text);
    int64_t end;
    if (!amphi__jinja_charge(call->r, text.size) || !amphi__jinja_int_arg(call, 1, 0, start) ||
        !amphi__jinja_int_arg(call, 2, count, &end))
        return false;
    *start = *start < -count ? 0 : *start < 0 ? *start + count : *start;
    end = end < -count ? 0 : end < 0 ? end + count : end > count ? count : end;
    if (*start > count || *start > end) {
        *start = -1;
        *out = amphi_str_make(text.data, 0);
        return true;
    }
    size_t from = amphi__jinja_char_offset(text, (size_t)*start);
    *out = amphi__str_slice(text, from, amphi__jinja_char_offset(text, (size_t)end));
    return true;
}

static bool affix(jinja_call *call, bool at_end, jinja_value *out)
{
    jinja_value what = call->args[0];
    jinja_list one = {&what, 1, 1}, *choices = &one;
    amphi_str part;
    int64_t start;
    if (!part_of(call, &part, &start) || !amphi__jinja_charge(call->r, part.size * 4))
        return false;
    choices = what.kind == JINJA_TUPLE ? what.as.list : choices;
    bool found = false;
    for (size_t i = 0; i < choices->count && !found; i++) {
        if (choices->items[i].kind != JINJA_STRING) {
            return amphi__jinja_fail(
                call->r, AMPHI_E_FORMAT, "startswith and endswith need strings");
        }
        found = start >= 0 && (at_end ? amphi__str_ends_with(part, choices->items[i].as.text)
                                      : amphi__str_starts_with(part, choices->items[i].as.text));
    }
    *out = amphi__jinja_bool(found);
    return true;
}

static bool method_startswith(jinja_call *call, jinja_value *out)
{
    return affix(call, false, out);
}

static bool method_endswith(jinja_call *call, jinja_value *out)
{
    return affix(call, true, out);
}

static bool find(jinja_call *call, bool last, bool must, jinja_value *out)
{
    amphi_str part;
    amphi_str what;
    int64_t start;
    if (!amphi__jinja_str_arg(call, 0, &what) || !part_of(call, &part, &start))
        return false;
    if (last && !charge_last(call->r, part, what))
        return false;
    size_t at = start < 0 ? SIZE_MAX : last ? find_last(part, what) : amphi__str_find(part, what);
    if (at == SIZE_MAX) {
        *out = amphi__jinja_int(-1);
        return !must || amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "index found nothing");
    }
    *out =
        amphi__jinja_int(start + (int64_t)amphi__jinja_char_count(amphi__str_slice(part, 0, at)));
    return true;
}

static bool method_find(jinja_call *call, jinja_value *out)
{
    return find(call, false, false, out);
}

static bool method_rfind(jinja_call *call, jinja_value *out)
{
    return find(call, true, false, out);
}

static bool method_index(jinja_call *call, jinja_value *out)
{
    return find(call, false, true, out);
}

static bool method_rindex(jinja_call *call, jinja_value *out)
{
    return find(call, true, true, out);
}

static bool method_count(jinja_call *call, jinja_value *out)
{
    amphi_str part;
    amphi_str what;
    int64_t start;
    if (!amphi__jinja_str_arg(call, 0, &what) || !part_of(call, &part, &start))
        return false;
    int64_t count = 0;
    if (what.size == 0)
        count = start < 0 ? 0 : (int64_t)amphi__jinja_char_count(part) + 1;
    for (size_t at; what.size > 0 && (at = amphi__str_find(part, what)) != SIZE_MAX; count++)
        part = amphi__str_slice(part, at + what.size, part.size);
    *out = amphi__jinja_int(count);
    return true;
}

static bool method_join(jinja_call *call, jinja_value *out)
{
    jinja_list *list;
    if (!amphi__jinja_iterate(call->r, call->args[0], &list))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].kind != JINJA_STRING) {
            return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "join needs strings, not a %s",
                amphi__jinja_type_name(list->items[i]));
        }
    }
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    for (size_t i = 0; i < list->count && buf.status == AMPHI_OK; i++) {
        amphi__buf_append_str(&buf, i > 0 ? call->self.as.text : AMPHI_STR(""));
        amphi__buf_append_str(&buf, list->items[i].as.text);
    }
    return amphi__jinja_take_text(call->r, &buf, out);
}

static bool partition(jinja_call *call, bool last, jinja_value *out)
{
    amphi_str text = call->self.as.text, parts[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    amphi_str separator;
    jinja_list *list;
    if (!amphi__jinja_str_arg(call, 0, &separator) || !amphi__jinja_list_make(call->r, &list))
        return false;
    if (last && !charge_last(call->r, text, separator))
        return false;
    if (separator.size == 0)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "partition needs a separator");
    size_t at = last ? find_last(text, separator) : amphi__str_find(text, separator);
    if (at == SIZE_MAX) {
        parts[last ? 2 : 0] = text;
    } else {
        parts[0] = amphi__str_slice(text, 0, at);
        parts[1] = separator;
        parts[2] = amphi__str_slice(text, at + separator.size, text.size);
    }
    *out = amphi__jinja_list_value(JINJA_TUPLE, list);
    return push_text(call->r, list, parts[0]) && push_text(call->r, list, parts[1]) &&
           push_text(call->r, list, parts[2]);
}

static bool method_partition(jinja_call *call, jinja_value *out)
{
    return partition(call, false, out);
}

static bool method_rpartition(jinja_call *call, jinja_value *out)
{
    return partition(call, true, out);
}

static bool method_removeprefix(jinja_call *call, jinja_value *out)
{
    amphi_str text = call->self.as.text, what;
    if (!amphi__jinja_str_arg(call, 0, &what))
        return false;
    *out = amphi__jinja_str(
        amphi__str_slice(text, amphi__str_starts_with(text, what) ? what.size : 0, text.size));
    return true;
}

static bool method_removesuffix(jinja_call *call, jinja_value *out)
{
    amphi_str text = call->self.as.text, what;
    if (!amphi__jinja_str_arg(call, 0, &what))
        return false;
    *out = amphi__jinja_str(
        amphi__str_slice(text, 0, text.size - (amphi__str_ends_with(text, what) ? what.size : 0)));
    return true;
}

static const jinja_builtin methods[] = {{"split", method_split, "sep,maxsplit", 0},
    {"rsplit", method_rsplit, "sep,maxsplit", 0}, {"splitlines", method_splitlines, "keepends", 0},
    {"startswith", method_startswith, "prefix,start,end", 1},
    {"endswith", method_endswith, "suffix,start,end", 1},
    {"replace", method_replace, "old,new,count", 2}, {"find", method_find, "sub,start,end", 1},
    {"rfind", method_rfind, "sub,start,end", 1}, {"index", method_index, "sub,start,end", 1},
    {"rindex", method_rindex, "sub,start,end", 1}, {"count", method_count, "sub,start,end", 1},
    {"join", method_join, "iterable", 1}, {"format", amphi__jinja_format, NULL, 0},
    {"partition", method_partition, "sep", 1}, {"rpartition", method_rpartition, "sep", 1},
    {"removeprefix", method_removeprefix, "prefix", 1},
    {"removesuffix", method_removesuffix, "suffix", 1}};
const jinja_table amphi__jinja_str_methods = {methods, COUNT_OF(methods)};
