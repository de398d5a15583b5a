/* SPDX-License-Identifier: Apache-2.0
 *
 * The models of an endpoint, "a|b|c": a request that names one of them gets it, any other the
 * first.
 */
#ifndef AMPHI_CORE_MODEL_LIST_H
#define AMPHI_CORE_MODEL_LIST_H

#include <amphi/error.h>

#define AMPHI_MODEL_LIST_BYTES_MAX 1024

/* No name is empty or given twice; an empty list is fine. */
amphi_status amphi__model_list_check(amphi_str list, amphi_error *error);
bool amphi__model_list_has(amphi_str list, amphi_str name);
/* `asked` if it is in the list, or the first. */
amphi_str amphi__model_list_choose(amphi_str list, amphi_str asked);

#endif
