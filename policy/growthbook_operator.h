/* SPDX-License-Identifier: Apache-2.0
 *
 * One value against one condition: the ground of growthbook_condition.c.
 */
#ifndef AMPHI_POLICY_GROWTHBOOK_OPERATOR_H
#define AMPHI_POLICY_GROWTHBOOK_OPERATOR_H

#include "policy/growthbook.h"

/* A value that a condition reads: one of the document's, or a length that $size made. */
typedef struct amphi_gb_operand {
    const amphi_json *json;
    bool is_length;
    double length;
} amphi_gb_operand;

/* "ios", {"$in": [...]} and the like. */
bool amphi__gb_value_meets(
    amphi_gb *gb, const amphi_gb_operand *actual, const amphi_json *condition, bool ignore_case);
/* Is it, or one of its elements, in the list? */
bool amphi__gb_is_in(
    amphi_gb *gb, const amphi_gb_operand *actual, const amphi_json *expected, bool ignore_case);

#endif
