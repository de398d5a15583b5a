/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of families.
 */
#include "local/graph/family.h"

#include "sdk/core/str.h"

static const amphi_family *const families[] = {
    &amphi__family_llama,
    &amphi__family_qwen2,
    &amphi__family_qwen3,
    &amphi__family_gemma3,
    &amphi__family_phi3,
    &amphi__family_glm4,
    &amphi__family_qwen3moe,
};

const amphi_family *amphi__family_find(amphi_str name)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (amphi__str_equal_c(name, families[i]->name))
            return families[i];
    return NULL;
}
