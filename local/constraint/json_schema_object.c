/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects: the declared properties in the order of the schema, optional ones left out or not, then
 * further keys where additionalProperties asks for them.
 */
#include "local/constraint/json_schema_compiler.h"

#include "sdk/core/alloc.h"
#include "sdk/core/str.h"

enum { PROPERTIES_MAX = 1024, EXTRA_MAX = 256 };

typedef struct property {
    amphi_str name;
    bool required;
    bool forbidden;
    uint32_t rule;
} property;

typedef struct object {
    property *properties;
    uint32_t count;
    uint32_t required;
    bool is_open;   /* additionalProperties asks for more */
    bool is_closed; /* or forbids it */
    uint32_t extra_rule;
    uint32_t extra_least, extra_most;
} object;

static const amphi_json *declared(const amphi_json *part, amphi_str name)
{
    const amphi_json *member = amphi__json_first(amphi__json_get(part, "properties"));
    while (member != NULL && !amphi__str_equal(amphi__json_key(member), name))
        member = amphi__json_next(member);
    return member;
}

static property *find_or_add(amphi_schema *schema, object *o, amphi_str name, const amphi_json *at)
{
    for (uint32_t i = 0; i < o->count; i++)
        if (amphi__str_equal(o->properties[i].name, name))
            return &o->properties[i];
    if (o->count == PROPERTIES_MAX) {
        amphi__schema_fail(schema, AMPHI_E_LIMIT, at, "too many properties");
        return NULL;
    }
    o->properties[o->count] = (property){.name = name};
    return &o->properties[o->count++];
}

/* Names and which of them are required. */
static void gather(amphi_schema *schema, const amphi_schema_parts *parts, object *o)
{
    for (uint32_t i = 0; i < parts->count; i++) {
        const amphi_json *member =
            amphi__json_first(amphi__json_get(parts->items[i], "properties"));
        const amphi_json *more = amphi__json_get(parts->items[i], "additionalProperties");
        for (; member != NULL && schema->status == AMPHI_OK; member = amphi__json_next(member))
            find_or_add(schema, o, amphi__json_key(member), member);
        o->is_open |= more != NULL && amphi__json_bool(more, true);
        o->is_closed |= more != NULL && !amphi__json_bool(more, true);
        more = amphi__json_get(parts->items[i], "unevaluatedProperties");
        o->is_closed |= more != NULL && !amphi__json_bool(more, true);
    }
    for (uint32_t i = 0; i < parts->count; i++) {
        const amphi_json *name = amphi__json_first(amphi__json_get(parts->items[i], "required"));
        for (; name != NULL && schema->status == AMPHI_OK; name = amphi__json_next(name)) {
            property *p = find_or_add(schema, o, amphi__json_string(name), name);
            if (p != NULL && !p->required) {
                p->required = true;
                o->required++;
            }
        }
    }
}

/* All that the schemas demand of one property; additionalProperties counts where a schema does not
 * declare it itself. */
static void add_rule(amphi_schema *schema, const amphi_schema_parts *parts, property *p)
{
    amphi_schema_parts inner = {.count = 0};
    for (uint32_t i = 0; i < parts->count && schema->status == AMPHI_OK; i++) {
        const amphi_json *own = declared(parts->items[i], p->name);
        if (own == NULL)
            own = amphi__json_get(parts->items[i], "additionalProperties");
        if (own != NULL)
            amphi__schema_add(schema, &inner, own);
    }
    p->forbidden = inner.nothing;
    if (!p->forbidden && schema->status == AMPHI_OK)
        p->rule = amphi__schema_rule(schema, &inner);
}

static uint32_t bound(const amphi_schema_parts *parts, const char *key, bool largest, uint32_t none)
{
    uint32_t best = none;
    for (uint32_t i = 0; i < parts->count; i++) {
        int64_t value = amphi__json_int(amphi__json_get(parts->items[i], key), -1);
        uint32_t number = value < 0 ? none : value > 1 << 30 ? 1 << 30 : (uint32_t)value;
        best = value < 0                    ? best
               : best == none               ? number
               : (number > best) == largest ? number
                                            : best;
    }
    return best;
}

static void count_properties(amphi_schema *schema, const amphi_schema_parts *parts, object *o)
{
    uint32_t least = bound(parts, "minProperties", true, 0);
    uint32_t most = bound(parts, "maxProperties", false, UINT32_MAX);
    const amphi_json *at = parts->items[0];
    o->extra_most = !o->is_open          ? 0
                    : most == UINT32_MAX ? most
                    : most > o->count    ? most - o->count
                                         : 0;
    if (o->extra_most != UINT32_MAX && o->extra_most > EXTRA_MAX)
        o->extra_most = EXTRA_MAX;
    if (most < o->count)
        amphi__schema_fail(schema, AMPHI_E_UNSUPPORTED, at,
            "maxProperties below the number of properties can't be kept");
    if (least > o->required) { /* further keys might be alike: more than one can't be promised */
        o->extra_least = 1;
        if (least > o->required + 1 || o->extra_most == 0)
            amphi__schema_fail(schema, AMPHI_E_UNSUPPORTED, at,
                "minProperties above the number of required properties can't be kept");
    }
}

static uint32_t further_key(amphi_schema *schema, const object *o, uint32_t next)
{
    amphi_str *names = amphi__calloc(o->count + 1, sizeof *names);
    if (names == NULL) {
        schema->g->status = AMPHI_E_NO_MEMORY;
        return 0;
    }
    for (uint32_t i = 0; i < o->count; i++)
        names[i] = o->properties[i].name;
    uint32_t entry = amphi__grammar_other_key(
        schema->g, names, o->count, amphi__grammar_call(schema->g, o->extra_rule, next));
    amphi__free(names);
    return entry;
}

/* What may follow the last declared property: *first when nothing stands there yet. */
static void further(
    amphi_schema *schema, const object *o, uint32_t end, uint32_t *first, uint32_t *more)
{
    amphi_grammar *g = schema->g;
    *first = o->extra_least > 0 ? 0 : end;
    *more = *first;
    if (o->extra_most == 0 || o->extra_rule == 0)
        return;
    if (o->extra_most == UINT32_MAX) {
        uint32_t loop = amphi__grammar_forward(g);
        uint32_t member = further_key(schema, o, loop);
        amphi__grammar_aim(g, loop, end, amphi__grammar_comma(g, member));
        *first = amphi__grammar_either(g, *first, member);
        *more = o->extra_least > 0 ? amphi__grammar_comma(g, member) : loop;
        return;
    }
    uint32_t rule = amphi__grammar_rule(g); /* one for all places */
    uint32_t entry = further_key(schema, o, g->returns);
    if (g->status != AMPHI_OK)
        return;
    g->rules[rule] = entry;
    uint32_t at = end;
    for (uint32_t i = o->extra_most; i > 1 && g->status == AMPHI_OK; i--)
        at = amphi__grammar_either(
            g, end, amphi__grammar_comma(g, amphi__grammar_call(g, rule, at)));
    uint32_t member = amphi__grammar_call(g, rule, at);
    *first = amphi__grammar_either(g, *first, member);
    *more = amphi__grammar_either(g, *more, amphi__grammar_comma(g, member));
}

static uint32_t write_member(amphi_schema *schema, const property *p, uint32_t next)
{
    amphi_grammar *g = schema->g;
    amphi_buf key;
    amphi__buf_init(&key, 1 << 20);
    if (amphi__json_quote(&key, p->name) != AMPHI_OK)
        g->status = key.status;
    uint32_t entry = amphi__grammar_colon(g, amphi__grammar_call(g, p->rule, next));
    if (entry != 0)
        entry = amphi__grammar_literal(g, amphi__buf_str(&key), entry);
    amphi__buf_clear(&key);
    return entry;
}

static uint32_t write_object(amphi_schema *schema, const object *o, uint32_t next)
{
    amphi_grammar *g = schema->g;
    uint32_t first = 0;
    uint32_t more = 0;
    further(schema, o, amphi__grammar_space(g, amphi__grammar_any_of(g, "}", next)), &first, &more);
    for (uint32_t i = o->count; i-- > 0 && g->status == AMPHI_OK;) {
        const property *p = &o->properties[i];
        uint32_t member = p->forbidden || p->rule == 0 ? 0 : write_member(schema, p, more);
        uint32_t after_comma = amphi__grammar_comma(g, member);
        first = p->required ? member : amphi__grammar_either(g, member, first);
        more = p->required ? after_comma : amphi__grammar_either(g, after_comma, more);
    }
    return first == 0 ? 0 : amphi__grammar_any_of(g, "{", amphi__grammar_space(g, first));
}

uint32_t amphi__schema_object(amphi_schema *schema, const amphi_schema_parts *parts, uint32_t next)
{
    object o = {.count = 0};
    amphi_schema_parts extra = {.count = 0};
    uint32_t entry = 0;
    o.properties = amphi__calloc(PROPERTIES_MAX, sizeof *o.properties);
    if (o.properties == NULL) {
        schema->g->status = AMPHI_E_NO_MEMORY;
        return 0;
    }
    gather(schema, parts, &o);
    if (o.count == 0 && !o.is_closed)
        o.is_open = true;
    o.is_open = o.is_open && !o.is_closed;
    for (uint32_t i = 0; i < o.count && schema->status == AMPHI_OK; i++)
        add_rule(schema, parts, &o.properties[i]);
    if (parts->count > 0 && schema->status == AMPHI_OK)
        count_properties(schema, parts, &o);
    else
        o.extra_most = o.is_open ? UINT32_MAX : 0;
    for (uint32_t i = 0; i < parts->count && o.is_open && schema->status == AMPHI_OK; i++) {
        const amphi_json *more = amphi__json_get(parts->items[i], "additionalProperties");
        if (more != NULL)
            amphi__schema_add(schema, &extra, more);
    }
    if (o.is_open && schema->status == AMPHI_OK)
        o.extra_rule = amphi__schema_rule(schema, &extra);
    if (schema->status == AMPHI_OK)
        entry = write_object(schema, &o, next);
    amphi__free(o.properties);
    return entry;
}
