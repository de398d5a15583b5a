/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of weight types.
 */
#include "local/compute/weight_type.h"

static const amphi_weight_info weight_infos[AMPHI_WEIGHT_TYPE_LIMIT] = {
    [AMPHI_WEIGHT_F32] = {"F32", 1, 4},
    [AMPHI_WEIGHT_F16] = {"F16", 1, 2},
    [AMPHI_WEIGHT_BF16] = {"BF16", 1, 2},
    [AMPHI_WEIGHT_Q4_0] = {"Q4_0", 32, 18},
    [AMPHI_WEIGHT_Q4_1] = {"Q4_1", 32, 20},
    [AMPHI_WEIGHT_Q5_0] = {"Q5_0", 32, 22},
    [AMPHI_WEIGHT_Q5_1] = {"Q5_1", 32, 24},
    [AMPHI_WEIGHT_Q8_0] = {"Q8_0", 32, 34},
    [AMPHI_WEIGHT_Q2_K] = {"Q2_K", 256, 84},
    [AMPHI_WEIGHT_Q3_K] = {"Q3_K", 256, 110},
    [AMPHI_WEIGHT_Q4_K] = {"Q4_K", 256, 144},
    [AMPHI_WEIGHT_Q5_K] = {"Q5_K", 256, 176},
    [AMPHI_WEIGHT_Q6_K] = {"Q6_K", 256, 210},
    [AMPHI_WEIGHT_IQ4_NL] = {"IQ4_NL", 32, 18},
    [AMPHI_WEIGHT_IQ4_XS] = {"IQ4_XS", 256, 136},
};

const amphi_weight_info *amphi__weight_info(uint32_t type)
{
    if (type >= AMPHI_WEIGHT_TYPE_LIMIT || weight_infos[type].name == NULL)
        return NULL;
    return &weight_infos[type];
}

uint64_t amphi__weight_row_bytes(amphi_weight_type type, uint64_t columns)
{
    const amphi_weight_info *info = amphi__weight_info(type);
    return info != NULL ? columns / info->block_elements * info->block_bytes : 0;
}
