/* SPDX-License-Identifier: Apache-2.0
 *
 * What a field takes, in words: for the reference page, the schema's notes and `amphi policy`.
 */
#include "policy/policy_document.h"

#include <stdio.h>

static bool is_words(const amphi_policy_field *field)
{
    return amphi__policy_word(field, field->low) != NULL;
}

bool amphi__policy_is_whole(const amphi_policy_field *field)
{
    return field->type == AMPHI_POLICY_U8 || field->type == AMPHI_POLICY_U32;
}

void amphi__policy_value_text(
    char out[AMPHI_POLICY_WORDS_MAX], const amphi_policy_field *field, double value)
{
    if (field->type == AMPHI_POLICY_BOOL)
        snprintf(out, AMPHI_POLICY_WORDS_MAX, "%s", value != 0 ? "true" : "false");
    else if (is_words(field))
        snprintf(out, AMPHI_POLICY_WORDS_MAX, "\"%s\"", amphi__policy_word(field, value));
    else
        snprintf(out, AMPHI_POLICY_WORDS_MAX, "%.10g", value);
}

/* "\"nominal\", \"fair\"", all from low to high */
static void list_words(
    char out[AMPHI_POLICY_WORDS_MAX], const amphi_policy_field *field, double low, double high)
{
    size_t used = 0;
    out[0] = '\0';
    for (double value = low; value <= high && used < AMPHI_POLICY_WORDS_MAX; value++)
        used += (size_t)snprintf(out + used, AMPHI_POLICY_WORDS_MAX - used, "%s\"%s\"",
            value > low ? ", " : "", amphi__policy_word(field, value));
}

static void range_text(
    char out[AMPHI_POLICY_WORDS_MAX], const amphi_policy_field *field, double low, double high)
{
    if (field->type == AMPHI_POLICY_BOOL)
        snprintf(out, AMPHI_POLICY_WORDS_MAX, "true, false");
    else if (is_words(field))
        list_words(out, field, low, high);
    else
        snprintf(out, AMPHI_POLICY_WORDS_MAX, "%.10g to %.10g", low, high);
}

void amphi__policy_limits_text(char out[AMPHI_POLICY_WORDS_MAX], const amphi_policy_field *field)
{
    range_text(out, field, field->low, field->high);
}

void amphi__policy_payload_text(char out[AMPHI_POLICY_WORDS_MAX], const amphi_policy_field *field)
{
    char range[AMPHI_POLICY_WORDS_MAX];
    char strict[AMPHI_POLICY_WORDS_MAX];
    bool is_same = field->floor == field->low && field->ceiling == field->high;
    range_text(range, field, field->floor, field->ceiling);
    amphi__policy_value_text(
        strict, field, field->steer == AMPHI_STEER_UP ? field->ceiling : field->floor);
    switch (field->steer) {
    case AMPHI_STEER_FREE:
        snprintf(out, AMPHI_POLICY_WORDS_MAX, "%s", is_same ? "the same" : range);
        break;
    case AMPHI_STEER_FREE_OR_0:
        snprintf(out, AMPHI_POLICY_WORDS_MAX, "0, or %.96s", range);
        break;
    case AMPHI_STEER_DOWN:
    case AMPHI_STEER_UP:
        snprintf(out, AMPHI_POLICY_WORDS_MAX, "%.96s, or the app's", strict);
        break;
    case AMPHI_STEER_BOUND:
        snprintf(out, AMPHI_POLICY_WORDS_MAX, "%.96s, no more than the app's", range);
        break;
    case AMPHI_STEER_MODE:
        snprintf(out, AMPHI_POLICY_WORDS_MAX, "the same, but the app's \"only_local\" stays");
        break;
    }
}
