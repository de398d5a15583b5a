/* SPDX-License-Identifier: Apache-2.0
 *
 * Each list of schemas (json_schema_compiler.h) becomes one rule, made once, so recursion through
 * $ref ends by itself. A rule is the alternative of what its anyOf branches, its enum or its types
 * allow.
 */
#include "local/constraint/json_schema_compiler.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <math.h>

enum { DEPTH_MAX = 160, WORK_MAX = 20000, ENUM_MAX = 4096, PREFIX_MAX = 256 };

struct amphi_schema_memo {
    amphi_schema_parts parts;
    uint32_t rule;
};

/* ---- questions over all parts --------------------------------------------------------------- */

static double tightest(const amphi_schema_parts *parts, const char *key, bool largest, double none)
{
    double best = none;
    for (uint32_t i = 0; i < parts->count; i++) {
        const amphi_json *member = amphi__json_get(parts->items[i], key);
        if (amphi__json_kind(member) != AMPHI_JSON_NUMBER)
            continue;
        double value = amphi__json_number(member, none);
        best = largest ? fmax(best, value) : fmin(best, value);
    }
    return best;
}

static uint32_t tightest_count(
    const amphi_schema_parts *parts, const char *key, bool largest, uint32_t none)
{
    double best = tightest(parts, key, largest, largest ? -1 : INFINITY);
    if (best < 0 || best >= (double)UINT32_MAX)
        return best < 0 ? none : isinf(best) ? none : UINT32_MAX - 1;
    return (uint32_t)(largest ? ceil(best) : floor(best));
}

static const amphi_json *first_with(const amphi_schema_parts *parts, const char *key)
{
    for (uint32_t i = 0; i < parts->count; i++) {
        const amphi_json *member = amphi__json_get(parts->items[i], key);
        if (member != NULL)
            return member;
    }
    return NULL;
}

static bool has_any(const amphi_schema_parts *parts, const char *const *keys)
{
    for (; *keys != NULL; keys++)
        if (first_with(parts, *keys) != NULL)
            return true;
    return false;
}

static const char *const object_keys[] = {"properties", "required", "additionalProperties",
    "minProperties", "maxProperties", "unevaluatedProperties", NULL};
static const char *const array_keys[] = {
    "items", "prefixItems", "minItems", "maxItems", "additionalItems", NULL};
static const char *const string_keys[] = {"minLength", "maxLength", "pattern", NULL};
static const char *const number_keys[] = {
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", NULL};

/* Without `type`, the keywords that are present decide the type. */
static unsigned types_of(amphi_schema *schema, const amphi_schema_parts *parts)
{
    unsigned types = AMPHI_TYPE_ALL;
    for (uint32_t i = 0; i < parts->count; i++)
        types &= amphi__schema_types(schema, parts->items[i]);
    if (types != AMPHI_TYPE_ALL)
        return types;
    return has_any(parts, object_keys)           ? AMPHI_TYPE_OBJECT
           : has_any(parts, array_keys)          ? AMPHI_TYPE_ARRAY
           : has_any(parts, string_keys)         ? AMPHI_TYPE_STRING
           : has_any(parts, number_keys)         ? AMPHI_TYPE_NUMBER
           : first_with(parts, "format") != NULL ? AMPHI_TYPE_STRING
                                                 : AMPHI_TYPE_ALL;
}

/* ---- numbers -------------------------------------------------------------------------------- */

/* An exclusive bound is a number, or (draft 4) a flag beside the other one. */
static void exclude(const amphi_schema_parts *parts, const char *key, const char *beside, bool low,
    double *bound, bool *exclusive)
{
    double value = tightest(parts, key, low, *bound);
    if (low ? value > *bound : value < *bound)
        *exclusive = true;
    else if (value == *bound && first_with(parts, key) != NULL &&
             tightest(parts, key, low, low ? -INFINITY : INFINITY) == *bound)
        *exclusive = true;
    *bound = value;
    for (uint32_t i = 0; i < parts->count; i++)
        if (amphi__json_bool(amphi__json_get(parts->items[i], key), false) &&
            amphi__json_number(amphi__json_get(parts->items[i], beside), *bound) == *bound)
            *exclusive = true;
}

static uint32_t multiple_of(amphi_schema *schema, const amphi_schema_parts *parts)
{
    uint32_t all = 1;
    for (uint32_t i = 0; i < parts->count; i++) {
        const amphi_json *member = amphi__json_get(parts->items[i], "multipleOf");
        double value = amphi__json_number(member, 1);
        if (member == NULL || value == all)
            continue;
        if (value != floor(value) || value < 1 || value > 1000 || (all != 1 && value != 1))
            return amphi__schema_fail(schema, AMPHI_E_UNSUPPORTED, member,
                "only one whole multipleOf from 1 to 1000 can be kept");
        all = (uint32_t)value;
    }
    return all;
}

static uint32_t numbers(
    amphi_schema *schema, const amphi_schema_parts *parts, unsigned types, uint32_t next)
{
    amphi_number_bounds b = {.least = tightest(parts, "minimum", true, -INFINITY),
        .most = tightest(parts, "maximum", false, INFINITY)};
    exclude(parts, "exclusiveMinimum", "minimum", true, &b.least, &b.above);
    exclude(parts, "exclusiveMaximum", "maximum", false, &b.most, &b.below);
    b.multiple = multiple_of(schema, parts);
    b.whole = (types & AMPHI_TYPE_FRACTION) == 0 || first_with(parts, "multipleOf") != NULL;
    if (b.least > (double)AMPHI_NUMBER_MAX || b.most < -(double)AMPHI_NUMBER_MAX)
        return amphi__schema_fail(
            schema, AMPHI_E_UNSUPPORTED, parts->items[0], "only numbers up to 9e15 can be written");
    if (schema->status != AMPHI_OK)
        return 0;
    if (!b.whole && isinf(b.least) && isinf(b.most))
        return amphi__grammar_number(schema->g, next);
    return amphi__grammar_bounded(schema->g, &b, next);
}

/* ---- strings -------------------------------------------------------------------------------- */

#define MONTHS_DAYS                                                                                \
    "((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
#define LEAP_DAYS "([12][0-9](0[48]|[2468][048]|[13579][26])|2000)-02-29"
#define DATE      "([12][0-9]{3}-" MONTHS_DAYS "|" LEAP_DAYS ")"
#define TIME                                                                                       \
    "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]" \
    ")"
#define BYTE "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#define H16  "[0-9A-Fa-f]{1,4}"
#define IPV6                                                                                       \
    "((" H16 ":){7}" H16 "|(" H16 ":){1,7}:|(" H16 ":){1,6}:" H16 "|(" H16 ":){1,5}(:" H16         \
    "){1,2}|(" H16 ":){1,4}(:" H16 "){1,3}|(" H16 ":){1,3}(:" H16 "){1,4}|(" H16 ":){1,2}(:" H16   \
    "){1,5}|" H16 ":(:" H16 "){1,6}|:((:" H16 "){1,7}|:))"

/* Labels of 63 characters at most, names of 253. */
#define LABEL(inner)        "[A-Za-z0-9]([A-Za-z0-9-]{0," inner "}[A-Za-z0-9])?"
#define LABELS(inner, more) LABEL(inner) "(\\." LABEL(inner) "){0," more "}"
#define HOST                "(" LABELS("28", "7") "|" LABELS("61", "2") ")"
#define ATOM                "[A-Za-z0-9_+-]{1,20}"

/* Without a double hyphen, and so short that any of these letters fit 63 bytes as Punycode. */
#define LETTER                                                                                     \
    "[a-z0-9\\u00DF-\\u00F6\\u00F8-\\u00FF\\u0101\\u0103\\u0105\\u0107\\u010D\\u010F\\u0113"       \
    "\\u0119\\u011B\\u011F\\u012B\\u0131\\u0142\\u0144\\u0148\\u0151\\u0153\\u0159\\u015B\\u015F"  \
    "\\u0161\\u0165\\u016B\\u016F\\u0171\\u017A\\u017C\\u017E\\u03AC-\\u03CE\\u0430-\\u045F"       \
    "\\u3041-\\u3096\\u30A1-\\u30FA\\u4E00-\\u9FFF\\uAC00-\\uD7A3]"
#define IDN_LABEL "([a-z0-9]([a-z0-9]|-[a-z0-9]){0,14}|" LETTER "{1,12})"
#define IDN_HOST  IDN_LABEL "(\\." IDN_LABEL "){0,7}"

/* RFC 3986's rules; `wide` is what IRIs (RFC 3987) may have besides. */
#define UCS            "\\u00A1-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFEF"
#define URL_CHAR(of)   "([A-Za-z0-9._~!$&'()*+,;=" of "-]|%[0-9A-Fa-f]{2})"
#define SEGMENTS(wide) "(/" URL_CHAR(":@" wide) "*)*"
#define AUTHORITY(wide)                                                                            \
    "//(" URL_CHAR(":" wide) "*@)?" URL_CHAR(wide) "*(:[0-9]{1,5})?" SEGMENTS(wide)
#define PATHS(first, wide)                                                                         \
    "(" AUTHORITY(wide) "|/(" URL_CHAR(":@" wide) "+" SEGMENTS(wide) ")?|" URL_CHAR(               \
        first wide) "+" SEGMENTS(wide) ")"
#define QUERY(wide)       "(\\?" URL_CHAR(":@/?" wide) "*)?(#" URL_CHAR(":@/?" wide) "*)?"
#define SCHEME            "[A-Za-z][A-Za-z0-9+.-]*:"
#define URL(wide)         SCHEME PATHS(":@", wide) QUERY(wide)
#define URL_OR_PATH(wide) "(" SCHEME PATHS(":@", wide) "|" PATHS("@", wide) "?)" QUERY(wide)
#define TEMPLATE_NAME     "[A-Za-z0-9_]+(\\*|:[1-9][0-9]{0,2})?"
#define TEMPLATE                                                                                   \
    "([!#$&(-;=?-Z\\[\\]_a-z~]|%[0-9A-Fa-f]{2}|\\{[+#./;?&]?" TEMPLATE_NAME "(," TEMPLATE_NAME     \
    ")*\\})*"

#define COUNT    "[0-9]{1,4}"
#define CLOCK    "T(" COUNT "H(" COUNT "M(" COUNT "S)?)?|" COUNT "M(" COUNT "S)?|" COUNT "S)"
#define CALENDAR "(" COUNT "Y(" COUNT "M(" COUNT "D)?)?|" COUNT "M(" COUNT "D)?|" COUNT "D)"
#define POINTER  "(/([ -.0-}" UCS "]|~[01])*)*"

/* Each as wide as it can be while all its texts are valid; regex, where that is impossible, is
 * ignored. */
static const char *format_pattern(amphi_str format)
{
    static const struct {
        const char *name;
        const char *pattern;
    } formats[] = {{"date", "^" DATE "$"}, {"time", "^" TIME "$"},
        {"date-time", "^" DATE "T" TIME "$"},
        {"uuid", "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"},
        {"ipv4", "^" BYTE "(\\." BYTE "){3}$"}, {"ipv6", "^" IPV6 "$"},
        {"email", "^" ATOM "(\\." ATOM "){0,2}@" HOST "$"},
        {"idn-email", "^([A-Za-z0-9_+-]|" LETTER "){1,20}@" IDN_HOST "$"},
        {"hostname", "^" HOST "$"}, {"idn-hostname", "^" IDN_HOST "$"}, {"uri", "^" URL("") "$"},
        {"uri-reference", "^" URL_OR_PATH("") "$"}, {"iri", "^" URL(UCS) "$"},
        {"iri-reference", "^" URL_OR_PATH(UCS) "$"}, {"uri-template", "^" TEMPLATE "$"},
        {"duration", "^P(" COUNT "W|" CALENDAR "(" CLOCK ")?|" CLOCK ")$"},
        {"json-pointer", "^" POINTER "$"},
        {"relative-json-pointer", "^(0|[1-9]{1,2})(#|" POINTER ")$"}};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (amphi__str_equal_c(format, formats[i].name))
            return formats[i].pattern;
    return NULL;
}

static const amphi_json *one_pattern(amphi_schema *schema, const amphi_schema_parts *parts)
{
    const amphi_json *found = NULL;
    for (uint32_t i = 0; i < parts->count; i++) {
        const amphi_json *own = amphi__json_get(parts->items[i], "pattern");
        if (own != NULL && found != NULL && !amphi__json_equal(own, found))
            amphi__schema_fail(schema, AMPHI_E_UNSUPPORTED, own, "two patterns for one string");
        found = own != NULL ? own : found;
    }
    return found;
}

static uint32_t strings(amphi_schema *schema, const amphi_schema_parts *parts, uint32_t next)
{
    amphi_grammar *g = schema->g;
    uint32_t least = tightest_count(parts, "minLength", true, 0);
    uint32_t most = tightest_count(parts, "maxLength", false, UINT32_MAX);
    uint32_t end = amphi__grammar_any_of(g, "\"", next);
    const amphi_json *pattern = one_pattern(schema, parts);
    const char *format = format_pattern(amphi__json_string(first_with(parts, "format")));
    uint32_t entry = 0;
    amphi_error why;
    if (pattern != NULL) {
        amphi_status status =
            amphi__grammar_regex(g, amphi__json_string(pattern), least, most, end, &entry, &why);
        if (status != AMPHI_OK)
            return amphi__schema_fail(schema, status, pattern, why.message);
    } else if (format == NULL || amphi__grammar_regex(g, amphi_str_from(format), least, most, end,
                                     &entry, &why) != AMPHI_OK) {
        entry = amphi__grammar_chars(g, least, most, end);
    }
    return amphi__grammar_any_of(g, "\"", entry);
}

/* ---- arrays --------------------------------------------------------------------------------- */

/* The schema of item number `index` in one part; NULL: any. */
static const amphi_json *item_schema(const amphi_json *part, uint32_t index)
{
    const amphi_json *items = amphi__json_get(part, "items");
    const amphi_json *prefix = amphi__json_get(part, "prefixItems");
    const amphi_json *rest = items;
    if (amphi__json_kind(items) == AMPHI_JSON_ARRAY) { /* draft 7's tuples */
        prefix = items;
        rest = amphi__json_get(part, "additionalItems");
    }
    const amphi_json *item = amphi__json_first(prefix);
    while (item != NULL && index > 0) {
        item = amphi__json_next(item);
        index--;
    }
    return item != NULL ? item : rest;
}

/* The rule for items at `index`; *nothing: there can't be one. */
static uint32_t item_rule(
    amphi_schema *schema, const amphi_schema_parts *parts, uint32_t index, bool *nothing)
{
    amphi_schema_parts inner = {.count = 0};
    for (uint32_t i = 0; i < parts->count && schema->status == AMPHI_OK; i++) {
        const amphi_json *item = item_schema(parts->items[i], index);
        if (item != NULL)
            amphi__schema_add(schema, &inner, item);
    }
    *nothing = inner.nothing;
    return inner.nothing || schema->status != AMPHI_OK ? 0 : amphi__schema_rule(schema, &inner);
}

static uint32_t arrays(amphi_schema *schema, const amphi_schema_parts *parts, uint32_t next)
{
    uint32_t count = 0;
    bool nothing = false;
    uint32_t least = tightest_count(parts, "minItems", true, 0);
    uint32_t most = tightest_count(parts, "maxItems", false, UINT32_MAX);
    for (uint32_t i = 0; i < parts->count; i++) {
        const amphi_json *items = amphi__json_get(parts->items[i], "items");
        const amphi_json *prefix = amphi__json_get(parts->items[i], "prefixItems");
        size_t own =
            amphi__json_count(amphi__json_kind(items) == AMPHI_JSON_ARRAY ? items : prefix);
        if (own > PREFIX_MAX)
            return amphi__schema_fail(
                schema, AMPHI_E_LIMIT, parts->items[i], "too many prefixItems");
        count = own > count ? (uint32_t)own : count;
    }
    uint32_t first[PREFIX_MAX];
    for (uint32_t i = 0; i < count && schema->status == AMPHI_OK; i++) {
        first[i] = item_rule(schema, parts, i, &nothing);
        if (nothing) {
            count = i;
            break;
        }
    }
    uint32_t rule = nothing ? 0 : item_rule(schema, parts, PREFIX_MAX, &nothing);
    if (schema->status != AMPHI_OK)
        return 0;
    return amphi__grammar_array(
        schema->g, first, count, rule, !nothing && rule != 0, least, most, next);
}

/* ---- const and enum ------------------------------------------------------------------------- */

static unsigned type_of(const amphi_json *value)
{
    double number = 0;
    switch (amphi__json_kind(value)) {
    case AMPHI_JSON_NULL:
        return AMPHI_TYPE_NULL;
    case AMPHI_JSON_BOOL:
        return AMPHI_TYPE_BOOL;
    case AMPHI_JSON_NUMBER:
        number = amphi__json_number(value, 0);
        return number == floor(number) ? AMPHI_TYPE_INTEGER : AMPHI_TYPE_FRACTION;
    case AMPHI_JSON_STRING:
        return AMPHI_TYPE_STRING;
    case AMPHI_JSON_ARRAY:
        return AMPHI_TYPE_ARRAY;
    default:
        return AMPHI_TYPE_OBJECT;
    }
}

static size_t characters(amphi_str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    return count;
}

/* Does a listed value satisfy the schemas' other keywords? Refused where this can't be decided. */
static bool fits(amphi_schema *schema, const amphi_schema_parts *parts, const amphi_json *value)
{
    unsigned type = type_of(value);
    for (uint32_t i = 0; i < parts->count; i++) {
        const amphi_json *constant = amphi__json_get(parts->items[i], "const");
        const amphi_json *one = amphi__json_get(parts->items[i], "enum");
        bool listed = one == NULL;
        for (one = amphi__json_first(one); one != NULL && !listed; one = amphi__json_next(one))
            listed = amphi__json_equal(one, value);
        if (!listed || (constant != NULL && !amphi__json_equal(constant, value)) ||
            (type & amphi__schema_types(schema, parts->items[i])) == 0)
            return false;
    }
    const char *const *keys = type == AMPHI_TYPE_OBJECT  ? object_keys
                              : type == AMPHI_TYPE_ARRAY ? array_keys
                                                         : NULL;
    if ((keys != NULL && has_any(parts, keys)) ||
        (type == AMPHI_TYPE_STRING && first_with(parts, "pattern") != NULL) ||
        ((type & AMPHI_TYPE_NUMBER) != 0 && has_any(parts, number_keys + 2)))
        amphi__schema_fail(schema, AMPHI_E_UNSUPPORTED, parts->items[0],
            "enum beside further conditions can't be kept");
    if ((type & AMPHI_TYPE_NUMBER) != 0) {
        double number = amphi__json_number(value, 0);
        return number >= tightest(parts, "minimum", true, -INFINITY) &&
               number <= tightest(parts, "maximum", false, INFINITY);
    }
    size_t length = characters(amphi__json_string(value));
    return type != AMPHI_TYPE_STRING ||
           (length >= tightest_count(parts, "minLength", true, 0) &&
               length <= tightest_count(parts, "maxLength", false, UINT32_MAX));
}

/* A constant as answers are written: with a blank after ':' and ','. */
static uint32_t literal_value(amphi_schema *schema, const amphi_json *value, uint32_t next)
{
    amphi_grammar *g = schema->g;
    amphi_json_kind kind = amphi__json_kind(value);
    amphi_buf text;
    if (kind == AMPHI_JSON_ARRAY || kind == AMPHI_JSON_OBJECT) {
        uint32_t count = 0;
        const amphi_json *item = amphi__json_first(value);
        const amphi_json *items[ENUM_MAX / 8];
        for (; item != NULL && count < ENUM_MAX / 8; item = amphi__json_next(item))
            items[count++] = item;
        if (item != NULL)
            return amphi__schema_fail(schema, AMPHI_E_LIMIT, value, "a value is too long");
        bool is_array = kind == AMPHI_JSON_ARRAY;
        uint32_t at = amphi__grammar_any_of(g, is_array ? "]" : "}", next);
        at = amphi__grammar_space(g, at);
        for (uint32_t i = count; i-- > 0 && g->status == AMPHI_OK;) {
            at = literal_value(schema, items[i], at);
            if (!is_array) {
                amphi__buf_init(&text, 1 << 20);
                if (amphi__json_quote(&text, amphi__json_key(items[i])) != AMPHI_OK)
                    g->status = text.status;
                at = amphi__grammar_literal(g, amphi__buf_str(&text), amphi__grammar_colon(g, at));
                amphi__buf_clear(&text);
            }
            if (i > 0)
                at = amphi__grammar_comma(g, at);
        }
        return amphi__grammar_any_of(g, is_array ? "[" : "{", amphi__grammar_space(g, at));
    }
    amphi__buf_init(&text, 1 << 20);
    if (amphi__json_write(&text, value) != AMPHI_OK)
        g->status = AMPHI_E_NO_MEMORY;
    next = amphi__grammar_literal(g, amphi__buf_str(&text), next);
    amphi__buf_clear(&text);
    return next;
}

static uint32_t listed(amphi_schema *schema, const amphi_schema_parts *parts, uint32_t next)
{
    const amphi_json *value = first_with(parts, "const");
    const amphi_json *one = amphi__json_first(first_with(parts, "enum"));
    uint32_t all = 0;
    uint32_t count = 0;
    if (value != NULL)
        return fits(schema, parts, value) ? literal_value(schema, value, next) : 0;
    for (; one != NULL && schema->status == AMPHI_OK; one = amphi__json_next(one)) {
        if (++count > ENUM_MAX)
            return amphi__schema_fail(schema, AMPHI_E_LIMIT, one, "too many values");
        if (fits(schema, parts, one))
            all = amphi__grammar_either(schema->g, all, literal_value(schema, one, next));
    }
    return all;
}

/* ---- alternatives --------------------------------------------------------------------------- */

static uint32_t any_type(amphi_schema *schema, const amphi_schema_parts *parts, uint32_t next)
{
    amphi_grammar *g = schema->g;
    unsigned types = types_of(schema, parts);
    uint32_t all = 0;
    if (types == AMPHI_TYPE_ALL)
        return amphi__grammar_any_value(g, next);
    if (types & AMPHI_TYPE_OBJECT)
        all = amphi__schema_object(schema, parts, next);
    if (types & AMPHI_TYPE_ARRAY)
        all = amphi__grammar_either(g, all, arrays(schema, parts, next));
    if (types & AMPHI_TYPE_STRING)
        all = amphi__grammar_either(g, all, strings(schema, parts, next));
    if (types & AMPHI_TYPE_NUMBER)
        all = amphi__grammar_either(g, all, numbers(schema, parts, types, next));
    if (types & AMPHI_TYPE_BOOL) {
        all = amphi__grammar_either(g, all, amphi__grammar_literal(g, AMPHI_STR("true"), next));
        all = amphi__grammar_either(g, all, amphi__grammar_literal(g, AMPHI_STR("false"), next));
    }
    if (types & AMPHI_TYPE_NULL)
        all = amphi__grammar_either(g, all, amphi__grammar_literal(g, AMPHI_STR("null"), next));
    return all;
}

static void check_one_of(
    amphi_schema *schema, const amphi_json *branches, const amphi_schema_parts *context)
{
    uint32_t steps = 0;
    for (const amphi_json *a = amphi__json_first(branches); a != NULL; a = amphi__json_next(a)) {
        for (const amphi_json *b = amphi__json_first(branches); b != NULL;
             b = amphi__json_next(b)) {
            if (schema->status != AMPHI_OK)
                return;
            if (a != b &&
                (++steps > WORK_MAX || !amphi__schema_excludes(schema, a, b, context, 0))) {
                amphi__schema_fail(schema, AMPHI_E_UNSUPPORTED, b,
                    "oneOf's branches may hold together; use anyOf");
                return;
            }
        }
    }
}

static uint32_t alternatives(amphi_schema *schema, const amphi_schema_parts *parts, uint32_t next);

/* One alternative for each branch. */
static uint32_t branch(amphi_schema *schema, const amphi_schema_parts *parts, uint32_t index,
    const char *key, uint8_t mark, uint32_t next)
{
    const amphi_json *branches = amphi__json_get(parts->items[index], key);
    uint32_t all = 0;
    if (amphi__json_first(branches) == NULL)
        return amphi__schema_fail(
            schema, AMPHI_E_REQUEST, parts->items[index], "anyOf and oneOf hold schemas");
    if (mark == 2)
        check_one_of(schema, branches, parts);
    for (const amphi_json *b = amphi__json_first(branches); b != NULL && schema->status == AMPHI_OK;
         b = amphi__json_next(b)) {
        amphi_schema_parts with = *parts;
        with.chosen[index] |= mark;
        amphi__schema_add(schema, &with, b);
        amphi__schema_flatten(schema, &with);
        all = amphi__grammar_either(schema->g, all, alternatives(schema, &with, next));
    }
    return all;
}

/* `parts` is flat. */
static uint32_t alternatives(amphi_schema *schema, const amphi_schema_parts *parts, uint32_t next)
{
    if (schema->status != AMPHI_OK || parts->nothing || schema->g->status != AMPHI_OK)
        return 0;
    if (++schema->work > WORK_MAX)
        return amphi__schema_fail(schema, AMPHI_E_LIMIT, parts->items[0], "too many combinations");
    for (uint32_t i = 0; i < parts->count; i++) {
        if (!(parts->chosen[i] & 1) && amphi__json_get(parts->items[i], "anyOf") != NULL)
            return branch(schema, parts, i, "anyOf", 1, next);
        if (!(parts->chosen[i] & 2) && amphi__json_get(parts->items[i], "oneOf") != NULL)
            return branch(schema, parts, i, "oneOf", 2, next);
    }
    if (first_with(parts, "const") != NULL || first_with(parts, "enum") != NULL)
        return listed(schema, parts, next);
    return any_type(schema, parts, next);
}

static bool same_parts(const amphi_schema_parts *a, const amphi_schema_parts *b)
{
    return a->count == b->count && a->nothing == b->nothing &&
           memcmp(a->items, b->items, a->count * sizeof a->items[0]) == 0;
}

static bool remember(amphi_schema *schema, const amphi_schema_parts *parts, uint32_t rule)
{
    if (schema->memo_count == schema->memo_capacity) {
        uint32_t larger = schema->memo_capacity == 0 ? 32 : schema->memo_capacity * 2;
        amphi_schema_memo *moved = amphi__realloc_array(schema->memo, larger, sizeof *schema->memo);
        if (moved == NULL) {
            schema->g->status = AMPHI_E_NO_MEMORY;
            return false;
        }
        schema->memo = moved;
        schema->memo_capacity = larger;
    }
    schema->memo[schema->memo_count++] = (amphi_schema_memo){*parts, rule};
    return true;
}

uint32_t amphi__schema_rule(amphi_schema *schema, const amphi_schema_parts *parts)
{
    for (uint32_t i = 0; i < schema->memo_count; i++)
        if (same_parts(&schema->memo[i].parts, parts))
            return schema->memo[i].rule;
    if (schema->depth == DEPTH_MAX)
        return amphi__schema_fail(schema, AMPHI_E_LIMIT, parts->items[0], "nested too deeply");
    uint32_t rule = amphi__grammar_rule(schema->g);
    if (rule == 0 || !remember(schema, parts, rule))
        return 0;
    amphi_schema_parts flat = *parts;
    schema->depth++;
    amphi__schema_flatten(schema, &flat);
    uint32_t entry = alternatives(schema, &flat, schema->g->returns);
    schema->depth--;
    if (schema->g->status == AMPHI_OK)
        schema->g->rules[rule] = entry;
    return rule;
}

amphi_status amphi__json_schema_add(amphi_grammar *g, const amphi_json *root,
    const amphi_json *also, uint32_t next, uint32_t *entry, amphi_error *error)
{
    amphi_schema schema = {.g = g, .root = root, .error = error};
    amphi_schema_parts parts = {.count = 0};
    amphi__schema_add(&schema, &parts, root);
    if (also != NULL)
        amphi__schema_add(&schema, &parts, also);
    amphi__schema_flatten(&schema, &parts);
    *entry = alternatives(&schema, &parts, next);
    amphi__free(schema.memo);
    if (schema.status == AMPHI_OK)
        return amphi__fail_grown(error, g->status, "the schema is too large");
    return schema.status;
}

amphi_status amphi__json_schema_compile(
    amphi_grammar *out, const amphi_json *root, amphi_error *error)
{
    uint32_t entry = 0;
    if (amphi__grammar_init(out) != AMPHI_OK)
        return amphi__fail_no_memory(error);
    amphi_status status = amphi__json_schema_add(out, root, NULL, out->returns, &entry, error);
    if (status == AMPHI_OK)
        out->rules[0] = entry;
    return status;
}
