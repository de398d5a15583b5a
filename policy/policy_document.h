/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy document's table of fields, for the reference page and its test.
 */
#ifndef AMPHI_POLICY_POLICY_DOCUMENT_H
#define AMPHI_POLICY_POLICY_DOCUMENT_H

#include <amphi/device.h>

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

typedef struct amphi_policy_field {
    const char *name; /* dotted */
    amphi_policy_type type;
    size_t offset;    /* in amphi_policy */
    double otherwise; /* the default; of enums their number, of USD dollars */
    double low, high; /* both allowed */
    const char *unit;
    const char *help;
    const char *const *choices; /* CHOICE: high - low + 1 of them */
} amphi_policy_field;

const amphi_policy_field *amphi__policy_fields(size_t *count);

/* "nominal", "fair", "serious", "critical"; "unknown" for anything else. */
const char *amphi__policy_thermal_name(amphi_thermal thermal);

#endif
