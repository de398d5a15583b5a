/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy document's table of fields, and what its files share.
 */
#ifndef AMPHI_POLICY_POLICY_DOCUMENT_H
#define AMPHI_POLICY_POLICY_DOCUMENT_H

#include "policy/policy.h"
#include "sdk/core/json.h"

/* Deep enough for "local.budgets.first_token_ms". */
#define AMPHI_POLICY_NAME_MAX 96u
/* The member that names fields and is none itself. */
#define AMPHI_POLICY_PINNED "pinned"

typedef enum amphi_policy_type {
    AMPHI_POLICY_BOOL = 1,
    AMPHI_POLICY_U8,
    AMPHI_POLICY_U32,
    AMPHI_POLICY_FLOAT,
    AMPHI_POLICY_MODE,    /* a mode's name */
    AMPHI_POLICY_THERMAL, /* a thermal state's name */
    AMPHI_POLICY_USD,     /* dollars; kept as whole microdollars in a uint64 */
    AMPHI_POLICY_CHOICE   /* one of `choices`, whose numbers an enum has */
} amphi_policy_type;

/* What a payload of the rollout may do with a field, within its floor and its ceiling, which are
 * never narrower than the app's own value. What goes beyond is held, as far as it may go. */
typedef enum amphi_policy_steer {
    AMPHI_STEER_FREE = 1,  /* set it */
    AMPHI_STEER_FREE_OR_0, /* likewise; 0, which means "none", is allowed below the floor */
    AMPHI_STEER_DOWN,      /* lower it: the app's own value is the highest, the loosest */
    AMPHI_STEER_UP,        /* raise it: the app's own value is the lowest */
    AMPHI_STEER_BOUND,     /* lower a bound, where 0 means "none" */
    AMPHI_STEER_MODE       /* set it, but the app's only_local stays */
} amphi_policy_steer;

typedef struct amphi_policy_field {
    const char *name; /* dotted */
    amphi_policy_type type;
    size_t offset;    /* in amphi_policy */
    double otherwise; /* the default; of enums their number, of USD dollars */
    double low, high; /* both allowed */
    const char *unit;
    amphi_policy_steer steer;
    double floor, ceiling; /* for a payload; both allowed */
    const char *help;
    const char *const *choices; /* CHOICE: high - low + 1 of them */
} amphi_policy_field;

const amphi_policy_field *amphi__policy_fields(size_t *count);
/* By dotted name; NULL: there is none. *index may be NULL. */
const amphi_policy_field *amphi__policy_field_named(const char *name, size_t *index);

/* A field's value as a number: of enums theirs, of USD dollars. */
double amphi__policy_field_get(const amphi_policy *policy, const amphi_policy_field *field);
void amphi__policy_field_set(amphi_policy *policy, const amphi_policy_field *field, double value);
/* The word for a value of MODE, THERMAL and CHOICE; NULL of other types. */
const char *amphi__policy_word(const amphi_policy_field *field, double value);
void amphi__policy_put_value(
    amphi_json_writer *writer, const char *key, const amphi_policy_field *field, double value);

/* A document with these fields only, and with its pins. */
void amphi__policy_put_named(
    amphi_json_writer *writer, const amphi_policy *policy, const amphi_policy_set *named);

bool amphi__policy_set_has(const amphi_policy_set *set, size_t field);
void amphi__policy_set_add(amphi_policy_set *set, size_t field);

/* policy_document_read.c. A JSON object of a policy document's size; free it. */
amphi_status amphi__policy_parse(amphi_json **out, amphi_str json, amphi_error *error);
/* Each field by itself; the fields that the document names are added to
 * *named. `may_pin`: it may have "pinned". After a failure *policy is half changed. */
amphi_status amphi__policy_read(amphi_policy *policy, amphi_policy_set *named, bool may_pin,
    const amphi_json *root, amphi_error *error);

/* Is this field `name`, or in the group `name`? */
bool amphi__policy_is_in(const char *field, amphi_str name);
/* AMPHI_E_NOT_FOUND, with the name that may have been meant. */
amphi_status amphi__policy_fail_unknown(amphi_str name, amphi_error *error);

/* policy_document_words.c: a value as JSON; what a field takes, and what of that a payload may set,
 * in words. */
#define AMPHI_POLICY_WORDS_MAX 128u
void amphi__policy_value_text(
    char out[AMPHI_POLICY_WORDS_MAX], const amphi_policy_field *field, double value);
void amphi__policy_limits_text(char out[AMPHI_POLICY_WORDS_MAX], const amphi_policy_field *field);
void amphi__policy_payload_text(char out[AMPHI_POLICY_WORDS_MAX], const amphi_policy_field *field);

/* Without a fraction. */
bool amphi__policy_is_whole(const amphi_policy_field *field);

/* policy_document_schema.c: as it is published, with its line ends. */
amphi_status amphi__policy_schema(amphi_buf *out);

/* policy_document_bounds.c: fields that bound each other. A field that is not named follows the one
 * that is, where no guard is lost by it; otherwise AMPHI_E_ARGUMENT with both names. */
amphi_status amphi__policy_relate(
    amphi_policy *policy, const amphi_policy_set *named, amphi_error *error);
/* Lines on what the document names in vain. */
void amphi__policy_note(const amphi_policy *policy, const amphi_policy_set *named, amphi_buf *out);

/* "nominal", "fair", "serious", "critical"; "unknown" for anything else. */
const char *amphi__policy_thermal_name(amphi_thermal thermal);

#endif
