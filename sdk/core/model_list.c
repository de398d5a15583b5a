/* SPDX-License-Identifier: Apache-2.0
 *
 * Names have no '|' in them, and no list is so long that walking it matters.
 */
#include "sdk/core/model_list.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

bool amphi__model_list_has(amphi_str list, amphi_str name)
{
    while (list.size > 0)
        if (amphi__str_equal(amphi__str_cut(list, '|', &list), name))
            return true;
    return false;
}

amphi_str amphi__model_list_choose(amphi_str list, amphi_str asked)
{
    amphi_str rest;
    return amphi__model_list_has(list, asked) ? asked : amphi__str_cut(list, '|', &rest);
}

amphi_status amphi__model_list_check(amphi_str list, amphi_error *error)
{
    if (list.size >= AMPHI_MODEL_LIST_BYTES_MAX)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "endpoint: model= takes %d bytes at most",
            AMPHI_MODEL_LIST_BYTES_MAX - 1);
    bool is_open = list.size > 0;
    while (is_open) {
        is_open = amphi__str_find(list, AMPHI_STR("|")) != SIZE_MAX;
        amphi_str name = amphi__str_cut(list, '|', &list);
        if (name.size == 0)
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "endpoint: an empty name in model= (several: model=a|b|c)");
        if (amphi__model_list_has(list, name))
            return amphi__fail(
                error, AMPHI_E_ARGUMENT, 0, "endpoint: a name twice in model= (a|b|c)");
    }
    return AMPHI_OK;
}
