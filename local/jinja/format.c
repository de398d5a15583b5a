/* SPDX-License-Identifier: Apache-2.0
 *
 * Three small format languages: "%s" % values, "{}".format(values), and strftime. All three know
 * the common conversions and refuse the rest; none reads the process's locale.
 */
#include "local/jinja/render.h"
#include "local/jinja/unicode.h"

#include "sdk/core/str.h"

#include <stdio.h>
#include <time.h>

#define WIDTH_MAX 10000

typedef struct spec {
    bool left, zero, plus, blank, alternate, has_precision, commas;
    char align; /* of str.format: '<' '>' '^' or 0 */
    char fill;
    int64_t width, precision;
    char type;
} spec;

static bool fail(jinja_render *r, const char *what)
{
    return amphi__jinja_fail(r, AMPHI_E_FORMAT, "%s", what);
}

static bool take_number(amphi_str text, size_t *at, int64_t *out)
{
    *out = 0;
    while (*at < text.size && text.data[*at] >= '0' && text.data[*at] <= '9') {
        *out = *out * 10 + (text.data[(*at)++] - '0');
        if (*out > WIDTH_MAX)
            return false;
    }
    return true;
}

static void group_digits(amphi_buf *out, const char *digits)
{
    size_t whole = strspn(digits, "0123456789");
    for (size_t i = 0; i < whole; i++) {
        if (i > 0 && (whole - i) % 3 == 0)
            amphi__buf_append_char(out, ',');
        amphi__buf_append_char(out, digits[i]);
    }
    amphi__buf_append_c(out, digits + whole);
}

/* The digits of a number without its sign. */
static bool put_number(jinja_render *r, const spec *s, jinja_value value, amphi_buf *out)
{
    double number = amphi__jinja_number(value);
    int64_t whole = value.kind == JINJA_FLOAT  ? 0
                    : value.kind == JINJA_BOOL ? value.as.boolean
                                               : value.as.integer;
    uint64_t size = whole < 0 ? 0 - (uint64_t)whole : (uint64_t)whole;
    if (value.kind == JINJA_FLOAT && strchr("dixXo", s->type) != NULL) {
        if (s->type != 'd' && s->type != 'i')
            return fail(r, "a float can't be formatted as hexadecimal or octal");
        if (!(number > -9e18 && number < 9e18))
            return amphi__jinja_fail(r, AMPHI_E_LIMIT, "an integer does not fit 64 bits");
        size = (uint64_t)(number < 0 ? -number : number);
    }
    amphi_buf digits;
    amphi__jinja_buf_init(&digits);
    if (s->type == 'x' || s->type == 'X' || s->type == 'o') {
        amphi__buf_append_c(&digits, !s->alternate    ? ""
                                     : s->type == 'o' ? "0o"
                                     : s->type == 'x' ? "0x"
                                                      : "0X");
        amphi__buf_printf(&digits,
            s->type == 'x'   ? "%llx"
            : s->type == 'X' ? "%llX"
                             : "%llo",
            (unsigned long long)size);
    } else if (s->type == 'd' || s->type == 'i') {
        amphi__buf_printf(&digits, "%llu", (unsigned long long)size);
    } else if (strchr("eEgG", s->type) != NULL) {
        amphi__jinja_exponent_to_text(&digits, s->type, number < 0 ? -number : number,
            s->has_precision ? (int)s->precision : 6);
    } else if (s->type == '%') {
        amphi__jinja_fixed_to_text(&digits, (number < 0 ? -number : number) * 100,
            s->has_precision ? (int)s->precision : 6);
        amphi__buf_append_char(&digits, '%');
    } else {
        amphi__jinja_fixed_to_text(
            &digits, number < 0 ? -number : number, s->has_precision ? (int)s->precision : 6);
    }
    if (s->commas && digits.data != NULL)
        group_digits(out, digits.data);
    else
        amphi__buf_append_str(out, amphi__buf_str(&digits));
    amphi__buf_clear(&digits);
    return true;
}

/* `text` in the width of the specification; `sign` goes before zeros. */
static void put_padded(const spec *s, const char *sign, amphi_str text, bool number, amphi_buf *out)
{
    int64_t pad = s->width - (int64_t)amphi__jinja_char_count(text) - (int64_t)strlen(sign);
    char align = s->align != 0 ? s->align : s->left ? '<' : '>';
    char fill = s->fill != 0 ? s->fill : ' ';
    int64_t before = align == '<' ? 0 : align == '^' ? pad / 2 : pad;
    if (s->zero && number && !s->left && s->align == 0) {
        amphi__buf_append_c(out, sign);
        sign = "";
        fill = '0';
    }
    for (int64_t i = 0; i < before; i++)
        amphi__buf_append_char(out, fill);
    amphi__buf_append_c(out, sign);
    amphi__buf_append_str(out, text);
    for (int64_t i = before; i < pad; i++)
        amphi__buf_append_char(out, fill);
}

static bool put_value(jinja_render *r, const spec *s, jinja_value value, amphi_buf *out)
{
    bool number = strchr("dixXofFeEgG%", s->type) != NULL;
    const char *sign = "";
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    bool fine = true;
    if (number) {
        if (!amphi__jinja_is_number(value))
            return fail(r, "a number is needed by a format");
        sign = amphi__jinja_number(value) < 0 ? "-" : s->plus ? "+" : s->blank ? " " : "";
        fine = put_number(r, s, value, &buf);
    } else if (s->type == 'r') {
        amphi__jinja_repr(&buf, value, &r->work);
    } else {
        amphi__jinja_to_text(&buf, value, &r->work);
    }
    amphi_str text = amphi__buf_str(&buf);
    if (!number && s->has_precision)
        text = amphi__str_slice(text, 0, amphi__jinja_char_offset(text, (size_t)s->precision));
    put_padded(s, sign, text, number, out);
    if (buf.status != AMPHI_OK || r->work.spent)
        fine = amphi__jinja_fail_bounds(r, &buf);
    amphi__buf_clear(&buf);
    return fine;
}

/* The next value for a "%": "(name)" picks from a mapping. */
static bool percent_value(jinja_render *r, amphi_str format, size_t *at, jinja_value values,
    size_t *used, jinja_value *out)
{
    if (*at < format.size && format.data[*at] == '(') {
        size_t start = *at + 1;
        const char *close = memchr(format.data + start, ')', format.size - start);
        if (close == NULL || values.kind != JINJA_DICT)
            return fail(r, "a format with names needs a mapping");
        *at = (size_t)(close - format.data) + 1;
        const jinja_value *found =
            amphi__jinja_dict_get_str(values.as.dict, amphi__str_slice(format, start, *at - 1));
        if (found == NULL)
            return fail(r, "a format names a value that is not there");
        *out = *found;
        *used = SIZE_MAX;
        return true;
    }
    return true;
}

static bool percent_next(jinja_render *r, jinja_value values, size_t *used, jinja_value *out)
{
    size_t count = values.kind == JINJA_TUPLE ? values.as.list->count : 1;
    if (*used >= count)
        return fail(r, "a format has too few values");
    *out = values.kind == JINJA_TUPLE ? values.as.list->items[*used] : values;
    (*used)++;
    return true;
}

static bool percent_one(
    jinja_render *r, amphi_str format, size_t *at, jinja_value values, size_t *used, amphi_buf *out)
{
    jinja_value value = {.kind = JINJA_MISSING};
    static const char flags[] = "-0+ #";
    if (!percent_value(r, format, at, values, used, &value))
        return false;
    spec s = {0};
    for (; *at < format.size && strchr(flags, format.data[*at]) != NULL && format.data[*at] != 0;
         (*at)++) {
        char c = format.data[*at];
        s.left |= c == '-';
        s.zero |= c == '0';
        s.plus |= c == '+';
        s.blank |= c == ' ';
        s.alternate |= c == '#';
    }
    if (!take_number(format, at, &s.width))
        return fail(r, "a format is too wide");
    if (*at < format.size && format.data[*at] == '.') {
        (*at)++;
        s.has_precision = true;
        if (!take_number(format, at, &s.precision))
            return fail(r, "a format is too wide");
    }
    s.type = *at < format.size ? format.data[(*at)++] : '\0';
    if (s.type == '%')
        return amphi__buf_append_char(out, '%') == AMPHI_OK || amphi__jinja_fail_bounds(r, out);
    if (s.type == '\0' || strchr("sridxXofFeEgG", s.type) == NULL)
        return fail(r, "a format has a conversion that is not known");
    return (value.kind != JINJA_MISSING || percent_next(r, values, used, &value)) &&
           put_value(r, &s, value, out);
}

bool amphi__jinja_percent(jinja_render *r, amphi_str format, jinja_value values, jinja_value *out)
{
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    size_t used = 0;
    bool fine = true;
    for (size_t at = 0; at < format.size && fine && buf.status == AMPHI_OK;) {
        const char *percent = memchr(format.data + at, '%', format.size - at);
        size_t stop = percent != NULL ? (size_t)(percent - format.data) : format.size;
        amphi__buf_append_str(&buf, amphi__str_slice(format, at, stop));
        at = stop;
        if (percent != NULL) {
            at++;
            fine = percent_one(r, format, &at, values, &used, &buf);
        }
    }
    /* Python does not count values that have names inside. */
    bool counted = values.kind != JINJA_DICT && values.kind != JINJA_LIST &&
                   values.kind != JINJA_RANGE && values.kind != JINJA_UNDEFINED;
    if (fine && used != SIZE_MAX && counted &&
        used < (values.kind == JINJA_TUPLE ? values.as.list->count : 1))
        fine = fail(r, "a format has values left over");
    if (!fine) {
        amphi__buf_clear(&buf);
        return false;
    }
    return amphi__jinja_take_text(r, &buf, out);
}

/* ":>8.2f" after its colon. */
static bool read_spec(jinja_render *r, amphi_str text, spec *s)
{
    size_t at = 0;
    if (text.size >= 2 && strchr("<>^", text.data[1]) != NULL && text.data[1] != 0) {
        s->fill = text.data[0];
        s->align = text.data[1];
        at = 2;
    } else if (text.size >= 1 && strchr("<>^", text.data[0]) != NULL && text.data[0] != 0) {
        s->align = text.data[0];
        at = 1;
    }
    if (at < text.size && (text.data[at] == '+' || text.data[at] == ' ')) {
        s->plus = text.data[at] == '+';
        s->blank = text.data[at++] == ' ';
    }
    s->zero = at < text.size && text.data[at] == '0';
    if (!take_number(text, &at, &s->width))
        return fail(r, "a format is too wide");
    if (at < text.size && text.data[at] == ',') {
        s->commas = true;
        at++;
    }
    if (at < text.size && text.data[at] == '.') {
        at++;
        s->has_precision = true;
        if (!take_number(text, &at, &s->precision))
            return fail(r, "a format is too wide");
    }
    s->type = at < text.size ? text.data[at++] : 's';
    return (at == text.size && s->type != '\0' && strchr("sdxXofFeEgG%", s->type) != NULL) ||
           fail(r, "a format has a conversion that is not known");
}

/* The value that a replacement field names: "", "0", "name", with ".attr" and "[item]" behind. */
static bool field_value(jinja_call *call, amphi_str field, size_t *next, jinja_value *out)
{
    size_t size = 0;
    while (size < field.size && field.data[size] != '.' && field.data[size] != '[')
        size++;
    amphi_str name = amphi__str_slice(field, 0, size);
    bool found = false;
    uint64_t index;
    if (name.size == 0 || amphi__str_to_u64(name, &index)) {
        index = name.size == 0 ? (*next)++ : index;
        found = index < call->count;
        *out = found ? call->args[index] : amphi__jinja_none();
    }
    for (size_t i = 0; i < call->named_count && !found; i++) {
        found = amphi__str_equal(call->named[i].name, name);
        *out = call->named[i].value;
    }
    if (!found)
        return fail(call->r, "a format names a value that is not there");
    for (field = amphi__str_slice(field, size, field.size); field.size > 0;) {
        bool item = field.data[0] == '[';
        for (size = 1; size < field.size && field.data[size] != (item ? ']' : '.') &&
                       (item || field.data[size] != '[');
             size++) {
        }
        name = amphi__str_slice(field, 1, size);
        if (item ? !amphi__jinja_get_path(call->r, *out, amphi__jinja_str(name), out)
                 : !amphi__jinja_get_attr(call->r, *out, name, out))
            return false;
        field = amphi__str_slice(field, size + item, field.size);
    }
    return true;
}

/* One {field!r:spec}, without its braces. */
static bool put_field(jinja_call *call, amphi_str field, size_t *next, amphi_buf *out)
{
    const char *colon = field.size > 0 ? memchr(field.data, ':', field.size) : NULL;
    size_t end = colon != NULL ? (size_t)(colon - field.data) : field.size;
    spec s = {.type = 's'};
    bool repr = end >= 2 && field.data[end - 2] == '!' && field.data[end - 1] == 'r';
    bool text = repr || (end >= 2 && field.data[end - 2] == '!' && field.data[end - 1] == 's');
    jinja_value value;
    if (!field_value(call, amphi__str_slice(field, 0, end - (text ? 2 : 0)), next, &value))
        return false;
    if (colon != NULL && !read_spec(call->r, amphi__str_slice(field, end + 1, field.size), &s))
        return false;
    if (s.type == 's' && !text && s.has_precision && amphi__jinja_is_number(value))
        return fail(call->r, "a format of a number has a precision but no kind");
    if (s.type == 's' && !text && value.kind == JINJA_INT)
        s.type = 'd';
    if (s.type == 's') {
        s.left = s.align == 0 && !amphi__jinja_is_number(value);
        s.type = repr ? 'r' : 's';
    }
    return put_value(call->r, &s, value, out);
}

bool amphi__jinja_format(jinja_call *call, jinja_value *out)
{
    amphi_str text = call->self.as.text;
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    size_t next = 0;
    bool fine = true;
    for (size_t i = 0; i < text.size && fine && buf.status == AMPHI_OK; i++) {
        char c = text.data[i];
        if (c != '{' && c != '}') {
            amphi__buf_append_char(&buf, c);
        } else if (i + 1 < text.size && text.data[i + 1] == c) {
            amphi__buf_append_char(&buf, c);
            i++;
        } else {
            const char *close = c == '{' ? memchr(text.data + i, '}', text.size - i) : NULL;
            if (close == NULL) {
                fine = fail(call->r, "a format has a single brace");
                break;
            }
            fine = put_field(
                call, amphi__str_slice(text, i + 1, (size_t)(close - text.data)), &next, &buf);
            i = (size_t)(close - text.data);
        }
    }
    if (!fine) {
        amphi__buf_clear(&buf);
        return false;
    }
    return amphi__jinja_take_text(call->r, &buf, out);
}

/* Numbers of weeks by ISO 8601: the C library knows them, in every locale. */
static bool put_week(amphi_buf *out, char c, bool bare, const struct tm *t)
{
    const char format[] = {'%', c, '\0'};
    char text[16];
    if (strchr("GgV", c) == NULL || strftime(text, sizeof text, format, t) == 0)
        return false;
    return amphi__buf_append_c(out, text + (bare && text[0] == '0')) == AMPHI_OK;
}

static bool put_time(amphi_buf *out, char c, bool bare, const struct tm *t)
{
    static const char *const days[] = {
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
    static const char *const months[] = {"January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December"};
    const char *two = bare ? "%d" : "%02d";
    int hour = t->tm_hour % 12 == 0 ? 12 : t->tm_hour % 12;
    switch (c) {
    case 'Y':
        return amphi__buf_printf(out, "%d", t->tm_year + 1900) == AMPHI_OK;
    case 'y':
        return amphi__buf_printf(out, two, t->tm_year % 100) == AMPHI_OK;
    case 'm':
        return amphi__buf_printf(out, two, t->tm_mon + 1) == AMPHI_OK;
    case 'd':
        return amphi__buf_printf(out, two, t->tm_mday) == AMPHI_OK;
    case 'e':
        return amphi__buf_printf(out, bare ? "%d" : "%2d", t->tm_mday) == AMPHI_OK;
    case 'H':
        return amphi__buf_printf(out, two, t->tm_hour) == AMPHI_OK;
    case 'I':
        return amphi__buf_printf(out, two, hour) == AMPHI_OK;
    case 'M':
        return amphi__buf_printf(out, two, t->tm_min) == AMPHI_OK;
    case 'S':
        return amphi__buf_printf(out, two, t->tm_sec) == AMPHI_OK;
    case 'j':
        return amphi__buf_printf(out, bare ? "%d" : "%03d", t->tm_yday + 1) == AMPHI_OK;
    case 'p':
        return amphi__buf_append_c(out, t->tm_hour < 12 ? "AM" : "PM") == AMPHI_OK;
    case 'A':
        return amphi__buf_append_c(out, days[t->tm_wday]) == AMPHI_OK;
    case 'a':
        return amphi__buf_append(out, days[t->tm_wday], 3) == AMPHI_OK;
    case 'B':
        return amphi__buf_append_c(out, months[t->tm_mon]) == AMPHI_OK;
    case 'b':
    case 'h':
        return amphi__buf_append(out, months[t->tm_mon], 3) == AMPHI_OK;
    case 'w':
        return amphi__buf_printf(out, "%d", t->tm_wday) == AMPHI_OK;
    case 'u':
        return amphi__buf_printf(out, "%d", t->tm_wday == 0 ? 7 : t->tm_wday) == AMPHI_OK;
    case 'f':
        return amphi__buf_append_c(out, "000000") == AMPHI_OK;
    case 'k':
        return amphi__buf_printf(out, bare ? "%d" : "%2d", t->tm_hour) == AMPHI_OK;
    case 'l':
        return amphi__buf_printf(out, bare ? "%d" : "%2d", hour) == AMPHI_OK;
    case 'P':
        return amphi__buf_append_c(out, t->tm_hour < 12 ? "am" : "pm") == AMPHI_OK;
    case 'C':
        return amphi__buf_printf(out, two, (t->tm_year + 1900) / 100) == AMPHI_OK;
    case 'U': /* weeks that begin on Sunday, and on Monday; days before the first are in week 0 */
        return amphi__buf_printf(out, two, (t->tm_yday + 7 - t->tm_wday) / 7) == AMPHI_OK;
    case 'W':
        return amphi__buf_printf(out, two, (t->tm_yday + 7 - (t->tm_wday + 6) % 7) / 7) == AMPHI_OK;
    case 'Z': /* civil time without a zone */
    case 'z':
        return true;
    case '%':
        return amphi__buf_append_char(out, '%') == AMPHI_OK;
    case 'n':
    case 't':
        return amphi__buf_append_char(out, c == 'n' ? '\n' : '\t') == AMPHI_OK;
    default:
        return put_week(out, c, bare, t);
    }
}

/* Conversions that stand for several others, in the C locale. */
static const char *long_form(char c)
{
    return c == 'F'   ? "%Y-%m-%d"
           : c == 'T' ? "%H:%M:%S"
           : c == 'X' ? "%H:%M:%S"
           : c == 'R' ? "%H:%M"
           : c == 'D' ? "%m/%d/%y"
           : c == 'x' ? "%m/%d/%y"
           : c == 'r' ? "%I:%M:%S %p"
           : c == 'c' ? "%a %b %e %H:%M:%S %Y"
                      : NULL;
}

static bool put_times(jinja_render *r, amphi_str format, const struct tm *t, amphi_buf *out)
{
    for (size_t i = 0; i < format.size; i++) {
        char c = format.data[i];
        if (c != '%' || i + 1 >= format.size) {
            amphi__buf_append_char(out, c);
            continue;
        }
        c = format.data[++i];
        bool bare = false;
        if (c == '-' && i + 1 < format.size) {
            bare = true;
            c = format.data[++i];
        }
        if (long_form(c) != NULL) {
            for (const char *p = long_form(c); *p != '\0'; p++)
                if (*p != '%')
                    amphi__buf_append_char(out, *p);
                else
                    put_time(out, *++p, false, t);
        } else if (!put_time(out, c, bare, t)) {
            return out->status != AMPHI_OK ? amphi__jinja_fail_bounds(r, out)
                                           : fail(r, "strftime has a conversion that is not known");
        }
    }
    return true;
}

bool amphi__jinja_strftime(jinja_render *r, amphi_str format, jinja_value *out)
{
    time_t seconds = (time_t)r->now_s;
    struct tm t;
    if (gmtime_r(&seconds, &t) == NULL)
        return fail(r, "the time is out of range");
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    if (!put_times(r, format, &t, &buf)) {
        amphi__buf_clear(&buf);
        return false;
    }
    return amphi__jinja_take_text(r, &buf, out);
}
