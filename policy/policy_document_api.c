/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy document for tools (amphi/policy.h): no client, no state.
 */
#include "policy/policy_document.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <amphi/policy.h>

/* The policy that a document makes, and which fields it names. */
static amphi_status read_document(
    amphi_policy *policy, amphi_policy_set *named, amphi_str json, amphi_error *error)
{
    amphi_json *root = NULL;
    amphi_policy scratch;
    amphi__policy_init(policy);
    memset(named, 0, sizeof *named);
    if (json.size == 0)
        return AMPHI_OK;
    amphi_status status = amphi__policy_apply_json(policy, json, error);
    if (status != AMPHI_OK)
        return status;
    amphi__policy_init(&scratch);
    status = amphi__policy_parse(&root, json, error);
    if (status == AMPHI_OK)
        status = amphi__policy_read(&scratch, named, true, root, error);
    amphi__json_free(root);
    return status;
}

/* *out takes the text; NULL without memory. */
static amphi_status hand_out(char **out, amphi_buf *text, amphi_status status, amphi_error *error)
{
    if (status == AMPHI_OK) {
        *out = amphi__buf_take(text);
        status = *out != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
    }
    amphi__buf_clear(text);
    return status;
}

amphi_status amphi_policy_check(amphi_str json, char **notes, amphi_error *error)
{
    amphi_policy policy;
    amphi_policy_set named;
    amphi_buf text;
    amphi__error_clear(error);
    if (notes != NULL)
        *notes = NULL;
    if (json.size == 0) /* as a file it would be a mistake */
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "policy: empty; {} is a document");
    amphi_status status = read_document(&policy, &named, json, error);
    if (status != AMPHI_OK || notes == NULL)
        return status;
    amphi__buf_init(&text, 0);
    amphi__policy_note(&policy, &named, &text);
    return hand_out(notes, &text, status, error);
}

amphi_status amphi_policy_show(char **out, amphi_str json, amphi_error *error)
{
    amphi_policy policy;
    amphi_policy_set named;
    amphi_buf text;
    amphi__error_clear(error);
    if (out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out is NULL");
    *out = NULL;
    amphi_status status = read_document(&policy, &named, json, error);
    amphi__buf_init(&text, 0);
    if (status == AMPHI_OK)
        amphi__policy_to_json(&policy, &text);
    return hand_out(out, &text, status, error);
}

amphi_status amphi_policy_schema(char **out, amphi_error *error)
{
    amphi_buf text;
    amphi__error_clear(error);
    if (out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out is NULL");
    *out = NULL;
    amphi__buf_init(&text, 0);
    amphi__policy_schema(&text);
    return hand_out(out, &text, AMPHI_OK, error);
}

amphi_status amphi_policy_field_at(
    amphi_policy_field_info *out, size_t index, amphi_str json, amphi_error *error)
{
    size_t count;
    amphi_policy policy;
    amphi_policy_set named;
    amphi_policy_field_info own;
    const amphi_policy_field *fields = amphi__policy_fields(&count);
    amphi__error_clear(error);
    amphi_status status = AMPHI__SIZED_CHECK(amphi_policy_field_info, out, "out", error);
    if (status != AMPHI_OK)
        return status;
    if (index >= count)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "policy: there are %zu fields", count);
    status = read_document(&policy, &named, json, error);
    if (status != AMPHI_OK)
        return status;
    const amphi_policy_field *field = &fields[index];
    amphi_policy_field_info_init(&own);
    own.name = field->name;
    own.help = field->help;
    own.unit = field->unit;
    amphi__policy_value_text(own.value, field, amphi__policy_field_get(&policy, field));
    amphi__policy_value_text(own.default_value, field, field->otherwise);
    amphi__policy_limits_text(own.limits, field);
    amphi__policy_payload_text(own.payload, field);
    own.is_named = amphi__policy_set_has(&named, index);
    own.is_pinned = amphi__policy_set_has(&policy.pinned, index);
    AMPHI__SIZED_WRITE(out, &own);
    return AMPHI_OK;
}

amphi_status amphi_policy_find(size_t *index, size_t *count, amphi_str name, amphi_error *error)
{
    size_t fields_count;
    size_t first = 0;
    size_t found = 0;
    const amphi_policy_field *fields = amphi__policy_fields(&fields_count);
    amphi__error_clear(error);
    if (index == NULL || count == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "index or count is NULL");
    for (size_t i = 0; i < fields_count; i++) {
        if (!amphi__policy_is_in(fields[i].name, name))
            continue;
        first = found == 0 ? i : first;
        found++;
    }
    *index = first;
    *count = found;
    return found > 0 ? AMPHI_OK : amphi__policy_fail_unknown(name, error);
}
