/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a policy document. It is all or nothing: a document with one bad field changes no field.
 * What is refused is refused by name, with what to do: an unknown field with the one that was
 * meant, a value with what the field takes, a key that stands there twice (of which one would do
 * nothing).
 */
#include "policy/policy_document.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "sdk/core/unknown_name.h"

#include <math.h>
#include <stdio.h>

#define DOCUMENT_SIZE_MAX (64u << 10)
#define GROUPS_MAX        32u

typedef struct amphi_policy_reader {
    amphi_policy *policy;
    amphi_policy_set *named;
    bool may_pin;
    amphi_error *error;
} amphi_policy_reader;

static amphi_status read_object(
    amphi_policy_reader *reader, const amphi_json *object, const char *prefix);

amphi_status amphi__policy_apply_json(amphi_policy *policy, amphi_str json, amphi_error *error)
{
    amphi_json *root = NULL;
    amphi_policy changed = *policy;
    amphi_policy_set named = {{0}};
    amphi_status status = amphi__policy_parse(&root, json, error);
    if (status == AMPHI_OK)
        status = amphi__policy_read(&changed, &named, true, root, error);
    if (status == AMPHI_OK)
        status = amphi__policy_relate(&changed, &named, error);
    if (status == AMPHI_OK)
        *policy = changed;
    amphi__json_free(root);
    return status;
}

amphi_status amphi__policy_parse(amphi_json **out, amphi_str json, amphi_error *error)
{
    *out = NULL;
    if (json.size > DOCUMENT_SIZE_MAX)
        return amphi__fail(
            error, AMPHI_E_LIMIT, 0, "policy: longer than %u bytes", DOCUMENT_SIZE_MAX);
    amphi_status status = amphi__json_parse(out, json, "policy", error);
    if (status != AMPHI_OK || amphi__json_kind(*out) == AMPHI_JSON_OBJECT)
        return status;
    amphi__json_free(*out);
    *out = NULL;
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "policy: not a JSON object");
}

amphi_status amphi__policy_read(amphi_policy *policy, amphi_policy_set *named, bool may_pin,
    const amphi_json *root, amphi_error *error)
{
    amphi_policy_reader reader = {policy, named, may_pin, error};
    return read_object(&reader, root, "");
}

/* ---- one field ---- */

static amphi_status read_mode(
    double *out, const amphi_json *value, const char *name, amphi_error *error)
{
    amphi_mode mode = AMPHI_MODE_DEFAULT;
    if (!amphi__json_is_string(value) ||
        amphi_mode_parse(&mode, amphi__json_string(value)) != AMPHI_OK ||
        mode == AMPHI_MODE_DEFAULT) {
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "policy: %s must be \"auto\", \"prefer_local\", \"prefer_cloud\", \"only_local\" or "
            "\"only_cloud\"",
            name);
    }
    *out = mode;
    return AMPHI_OK;
}

static amphi_status read_thermal(
    double *out, const amphi_json *value, const char *name, amphi_error *error)
{
    for (unsigned i = AMPHI_THERMAL_NOMINAL; i <= AMPHI_THERMAL_CRITICAL; i++) {
        if (amphi__json_is_string(value) && amphi__str_equal_c(amphi__json_string(value),
                                                amphi__policy_thermal_name((amphi_thermal)i))) {
            *out = i;
            return AMPHI_OK;
        }
    }
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
        "policy: %s must be \"nominal\", \"fair\", \"serious\" or \"critical\"", name);
}

static amphi_status read_choice(
    double *out, const amphi_json *value, const amphi_policy_field *field, amphi_error *error)
{
    for (unsigned i = 0; i <= (unsigned)field->high; i++) {
        if (amphi__json_is_string(value) &&
            amphi__str_equal_c(amphi__json_string(value), field->choices[i])) {
            *out = i;
            return AMPHI_OK;
        }
    }
    char names[96] = "";
    for (unsigned i = 0; i <= (unsigned)field->high; i++) {
        size_t size = strlen(names);
        const char *lead = i == 0 ? "" : i < (unsigned)field->high ? ", " : " or ";
        snprintf(names + size, sizeof names - size, "%s\"%s\"", lead, field->choices[i]);
    }
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "policy: %s must be %s", field->name, names);
}

static amphi_status read_number(
    double *out, const amphi_json *value, const amphi_policy_field *field, amphi_error *error)
{
    bool whole = amphi__policy_is_whole(field);
    double number = amphi__json_number(value, (double)NAN);
    /* Written so that NaN fails. */
    if (!(number >= field->low && number <= field->high) || (whole && floor(number) != number)) {
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "policy: %s must be a %s from %.0f to %.0f",
            field->name, whole ? "whole number" : "number", field->low, field->high);
    }
    *out = number;
    return AMPHI_OK;
}

static amphi_status read_field(amphi_policy *policy, const amphi_policy_field *field,
    const amphi_json *value, amphi_error *error)
{
    double number = 0;
    amphi_status status = AMPHI_OK;
    switch (field->type) {
    case AMPHI_POLICY_MODE:
        status = read_mode(&number, value, field->name, error);
        break;
    case AMPHI_POLICY_THERMAL:
        status = read_thermal(&number, value, field->name, error);
        break;
    case AMPHI_POLICY_CHOICE:
        status = read_choice(&number, value, field, error);
        break;
    case AMPHI_POLICY_BOOL:
        if (amphi__json_kind(value) != AMPHI_JSON_BOOL) {
            status = amphi__fail(
                error, AMPHI_E_ARGUMENT, 0, "policy: %s must be true or false", field->name);
        }
        number = amphi__json_bool(value, false);
        break;
    case AMPHI_POLICY_U8:
    case AMPHI_POLICY_U32:
    case AMPHI_POLICY_FLOAT:
    case AMPHI_POLICY_USD:
        status = read_number(&number, value, field, error);
        break;
    }
    if (status == AMPHI_OK)
        amphi__policy_field_set(policy, field, number);
    return status;
}

/* ---- names ---- */

/* "local" and "local.budgets" are groups: objects that hold fields. */
static bool is_group(const char *name)
{
    size_t count;
    size_t size = strlen(name);
    const amphi_policy_field *fields = amphi__policy_fields(&count);
    for (size_t i = 0; i < count; i++)
        if (strncmp(fields[i].name, name, size) == 0 && fields[i].name[size] == '.')
            return true;
    return false;
}

/* "local", "cloud", ...: the first parts of names. */
static size_t list_groups(char out[GROUPS_MAX][AMPHI_POLICY_NAME_MAX])
{
    size_t count;
    size_t groups = 0;
    const amphi_policy_field *fields = amphi__policy_fields(&count);
    for (size_t i = 0; i < count && groups < GROUPS_MAX; i++) {
        amphi_str rest;
        amphi_str first = amphi__str_cut(amphi_str_from(fields[i].name), '.', &rest);
        if (rest.size > 0 && (groups == 0 || !amphi__str_equal_c(first, out[groups - 1])))
            amphi__str_copy_to(out[groups++], AMPHI_POLICY_NAME_MAX, first);
    }
    return groups;
}

/* `name` is dotted, and none of a field. */
static amphi_status fail_as(
    amphi_status status, const char *what, amphi_str name, amphi_error *error)
{
    char shown[AMPHI_SHOWN_NAME_MAX];
    char groups[GROUPS_MAX][AMPHI_POLICY_NAME_MAX];
    const char *known[AMPHI_POLICY_FIELDS_MAX + 1 + GROUPS_MAX];
    size_t count;
    const amphi_policy_field *fields = amphi__policy_fields(&count);
    for (size_t i = 0; i < count; i++)
        known[i] = fields[i].name;
    known[count++] = AMPHI_POLICY_PINNED;
    for (size_t i = 0, n = list_groups(groups); i < n; i++)
        known[count++] = groups[i];
    amphi__shown_name(shown, name);
    const char *meant = amphi__nearest_name(name, known, count);
    bool is_dotted = meant != NULL && amphi__str_equal_c(name, meant) && strchr(meant, '.') != NULL;
    if (is_dotted)
        return amphi__fail(error, status, 0,
            "policy: there is no field \"%s\"; write its dots as nested objects: {\"%.*s\": {...}}",
            shown, (int)strcspn(meant, "."), meant);
    if (meant != NULL)
        return amphi__fail(
            error, status, 0, "policy: %s \"%s\"; did you mean %s?", what, shown, meant);
    return amphi__fail(
        error, status, 0, "policy: %s \"%s\" (amphi policy show lists them)", what, shown);
}

static amphi_status fail_unknown(const char *what, amphi_str name, amphi_error *error)
{
    return fail_as(AMPHI_E_ARGUMENT, what, name, error);
}

amphi_status amphi__policy_fail_unknown(amphi_str name, amphi_error *error)
{
    return fail_as(AMPHI_E_NOT_FOUND, "there is no field", name, error);
}

bool amphi__policy_is_in(const char *field, amphi_str name)
{
    amphi_str whole = amphi_str_from(field);
    return field != NULL && name.size > 0 && amphi__str_starts_with(whole, name) &&
           (whole.size == name.size || field[name.size] == '.');
}

static amphi_status fail_unknown_key(const char *prefix, amphi_str key, amphi_error *error)
{
    amphi_buf name;
    amphi__buf_init(&name, 0);
    amphi__buf_append_c(&name, prefix);
    amphi__buf_append_str(&name, key);
    amphi_status status = name.status != AMPHI_OK
                              ? amphi__fail_no_memory(error)
                              : fail_unknown("there is no field", amphi__buf_str(&name), error);
    amphi__buf_clear(&name);
    return status;
}

/* A key that came before in the same object: one of the two would do nothing. */
static bool stands_twice(const amphi_json *object, const amphi_json *member)
{
    const amphi_json *m = amphi__json_first(object);
    for (; m != member; m = amphi__json_next(m))
        if (amphi__str_equal(amphi__json_key(m), amphi__json_key(member)))
            return true;
    return false;
}

static bool joined(char out[AMPHI_POLICY_NAME_MAX], const char *prefix, amphi_str key)
{
    size_t size = strlen(prefix);
    if (key.size == 0 || size + key.size + 2 > AMPHI_POLICY_NAME_MAX ||
        !amphi__str_is_visible_ascii(key))
        return false;
    memcpy(out, prefix, size);
    memcpy(out + size, key.data, key.size);
    out[size + key.size] = '\0';
    return memchr(key.data, '.', key.size) == NULL;
}

/* ---- pins ---- */

static amphi_status pin_name(amphi_policy *policy, amphi_str name, amphi_error *error)
{
    size_t count;
    bool any = false;
    const amphi_policy_field *fields = amphi__policy_fields(&count);
    for (size_t i = 0; i < count; i++) {
        if (!amphi__policy_is_in(fields[i].name, name))
            continue;
        amphi__policy_set_add(&policy->pinned, i);
        any = true;
    }
    return any ? AMPHI_OK : fail_unknown(AMPHI_POLICY_PINNED ": there is no field", name, error);
}

amphi_status amphi__policy_pin(amphi_policy *policy, amphi_str names, amphi_error *error)
{
    amphi_policy changed = *policy;
    amphi_str rest = names;
    while (rest.data != NULL && rest.size > 0) {
        amphi_status status =
            pin_name(&changed, amphi__str_trim(amphi__str_cut(rest, ',', &rest)), error);
        if (status != AMPHI_OK)
            return status;
    }
    *policy = changed;
    return AMPHI_OK;
}

static amphi_status read_pinned(amphi_policy_reader *reader, const amphi_json *list)
{
    if (!reader->may_pin)
        return amphi__fail(reader->error, AMPHI_E_ARGUMENT, 0,
            "policy: " AMPHI_POLICY_PINNED " is for the app's own document, not for a payload");
    if (amphi__json_kind(list) != AMPHI_JSON_ARRAY)
        return amphi__fail(reader->error, AMPHI_E_ARGUMENT, 0,
            "policy: " AMPHI_POLICY_PINNED " must be an array of fields' names");
    for (const amphi_json *m = amphi__json_first(list); m != NULL; m = amphi__json_next(m)) {
        if (!amphi__json_is_string(m))
            return amphi__fail(reader->error, AMPHI_E_ARGUMENT, 0,
                "policy: " AMPHI_POLICY_PINNED " must be an array of fields' names");
        amphi_status status = pin_name(reader->policy, amphi__json_string(m), reader->error);
        if (status != AMPHI_OK)
            return status;
    }
    return AMPHI_OK;
}

/* ---- walking ---- */

static amphi_status read_member(
    amphi_policy_reader *reader, const amphi_json *member, const char *name)
{
    size_t index = 0;
    const amphi_policy_field *field = amphi__policy_field_named(name, &index);
    if (field != NULL) {
        amphi__policy_set_add(reader->named, index);
        return read_field(reader->policy, field, member, reader->error);
    }
    if (strcmp(name, AMPHI_POLICY_PINNED) == 0)
        return read_pinned(reader, member);
    if (!is_group(name))
        return fail_unknown("there is no field", amphi_str_from(name), reader->error);
    if (amphi__json_kind(member) != AMPHI_JSON_OBJECT)
        return amphi__fail(
            reader->error, AMPHI_E_ARGUMENT, 0, "policy: %s must be an object", name);
    char prefix[AMPHI_POLICY_NAME_MAX + 1];
    snprintf(prefix, sizeof prefix, "%s.", name);
    return read_object(reader, member, prefix); /* at most three levels */
}

static amphi_status read_object(
    amphi_policy_reader *reader, const amphi_json *object, const char *prefix)
{
    for (const amphi_json *member = amphi__json_first(object); member != NULL;
         member = amphi__json_next(member)) {
        char name[AMPHI_POLICY_NAME_MAX];
        if (!joined(name, prefix, amphi__json_key(member)))
            return fail_unknown_key(prefix, amphi__json_key(member), reader->error);
        if (stands_twice(object, member))
            return amphi__fail(
                reader->error, AMPHI_E_ARGUMENT, 0, "policy: %s stands there twice", name);
        amphi_status status = read_member(reader, member, name);
        if (status != AMPHI_OK)
            return status;
    }
    return AMPHI_OK;
}
