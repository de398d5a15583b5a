/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules go from the general to the particular; the last word has the row's length, because a
 * type's blocks must fill it.
 */
#include "local/model/quantize_mixture.h"

#include "sdk/core/str.h"

static const amphi_mixture mixtures[] = {
    {"F32", AMPHI_WEIGHT_F32, 0},
    {"F16", AMPHI_WEIGHT_F16, 1},
    {"BF16", AMPHI_WEIGHT_BF16, 32},
    {"Q8_0", AMPHI_WEIGHT_Q8_0, 7},
    {"Q4_0", AMPHI_WEIGHT_Q4_0, 2},
    {"Q4_1", AMPHI_WEIGHT_Q4_1, 3},
    {"Q5_0", AMPHI_WEIGHT_Q5_0, 8},
    {"Q5_1", AMPHI_WEIGHT_Q5_1, 9},
    {"Q2_K", AMPHI_WEIGHT_Q2_K, 10},
    {"Q3_K", AMPHI_WEIGHT_Q3_K, 12},
    {"Q4_K", AMPHI_WEIGHT_Q4_K, 15},
    {"Q5_K", AMPHI_WEIGHT_Q5_K, 17},
    {"Q6_K", AMPHI_WEIGHT_Q6_K, 18},
    {"IQ4_NL", AMPHI_WEIGHT_IQ4_NL, 25},
    {"IQ4_XS", AMPHI_WEIGHT_IQ4_XS, 30},
};

const amphi_mixture *amphi__mixture_find(amphi_str name)
{
    amphi_str trimmed = name;
    if (name.size > 4 && amphi__str_equal_ignore_case(
                             amphi__str_slice(name, name.size - 4, name.size), AMPHI_STR("_K_M")))
        trimmed.size -= 2;
    for (size_t i = 0; i < sizeof mixtures / sizeof *mixtures; i++)
        if (amphi__str_equal_ignore_case(trimmed, amphi_str_from(mixtures[i].name)))
            return &mixtures[i];
    return NULL;
}

/* The part between "blk.N." and the end, and N; false outside of layers. */
static bool split_name(amphi_str name, uint64_t *layer, amphi_str *part)
{
    amphi_str rest = name;
    if (!amphi__str_equal_c(amphi__str_cut(rest, '.', &rest), "blk"))
        return false;
    return amphi__str_to_u64(amphi__str_cut(rest, '.', part), layer);
}

/* The first and last eighth of the layers, and every third one between. */
static bool is_sensitive(uint64_t layer, uint64_t layers)
{
    uint64_t eighth = layers / 8;
    return layer < eighth || layer >= 7 * layers / 8 ||
           (layer >= eighth && (layer - eighth) % 3 == 2);
}

static amphi_weight_type wider(amphi_weight_type type, uint64_t layer, uint64_t layers, bool down)
{
    switch (type) {
    case AMPHI_WEIGHT_Q2_K:
        return down ? AMPHI_WEIGHT_Q3_K : AMPHI_WEIGHT_Q4_K;
    case AMPHI_WEIGHT_Q3_K:
        if (layer < (down ? layers / 16 : 2))
            return AMPHI_WEIGHT_Q5_K;
        return down && !is_sensitive(layer, layers) ? AMPHI_WEIGHT_Q3_K : AMPHI_WEIGHT_Q4_K;
    case AMPHI_WEIGHT_Q4_K:
    case AMPHI_WEIGHT_Q5_K:
        return is_sensitive(layer, layers) ? AMPHI_WEIGHT_Q6_K : type;
    case AMPHI_WEIGHT_IQ4_NL:
    case AMPHI_WEIGHT_IQ4_XS:
        return layer < layers / 8 ? AMPHI_WEIGHT_Q5_K : type;
    default:
        return type;
    }
}

static bool is_iq4(amphi_weight_type type)
{
    return type == AMPHI_WEIGHT_IQ4_NL || type == AMPHI_WEIGHT_IQ4_XS;
}

/* Values that four heads or more share: few rows, and many heads suffer when one is off. */
static bool is_shared(const amphi_gguf_tensor *values)
{
    return values->dims[1] <= values->dims[0] / 4;
}

/* One step up: for q, k and v in one tensor, and for attention's output. */
static amphi_weight_type next_wider(amphi_weight_type type)
{
    switch (type) {
    case AMPHI_WEIGHT_Q2_K:
        return AMPHI_WEIGHT_Q3_K;
    case AMPHI_WEIGHT_Q3_K:
        return AMPHI_WEIGHT_Q4_K;
    default:
        return type;
    }
}

static amphi_weight_type at_least_six_bits(amphi_weight_type type)
{
    const amphi_weight_info *info = amphi__weight_info(type);
    const amphi_weight_info *six = amphi__weight_info(AMPHI_WEIGHT_Q6_K);
    bool narrow = (uint64_t)info->block_bytes * six->block_elements <
                  (uint64_t)six->block_bytes * info->block_elements;
    return narrow ? AMPHI_WEIGHT_Q6_K : type;
}

/* Rows that large blocks do not fill get a type of about the same width that does. */
static amphi_weight_type fit_row(amphi_weight_type type, uint64_t columns)
{
    if (columns % amphi__weight_info(type)->block_elements == 0)
        return type;
    if (columns % 32 != 0)
        return AMPHI_WEIGHT_F16;
    switch (type) {
    case AMPHI_WEIGHT_Q4_K:
        return AMPHI_WEIGHT_Q5_0;
    case AMPHI_WEIGHT_Q5_K:
        return AMPHI_WEIGHT_Q5_1;
    case AMPHI_WEIGHT_Q6_K:
        return AMPHI_WEIGHT_Q8_0;
    default:
        return AMPHI_WEIGHT_IQ4_NL;
    }
}

amphi_weight_type amphi__mixture_choose(
    const amphi_mixture *mixture, const amphi_gguf_tensor *tensor, uint64_t layers)
{
    amphi_weight_type type = mixture->type;
    amphi_str part = {NULL, 0};
    if (tensor->dims[1] == 1 && tensor->dims[2] == 1 && tensor->dims[3] == 1)
        return AMPHI_WEIGHT_F32;
    if (amphi__str_equal_c(tensor->name, "token_embd.weight") ||
        amphi__str_equal_c(tensor->name, "output.weight"))
        return fit_row(at_least_six_bits(type), tensor->dims[0]);
    uint64_t layer = 0;
    if (!split_name(tensor->name, &layer, &part))
        return fit_row(type, tensor->dims[0]);
    if (amphi__str_starts_with(part, AMPHI_STR("ffn_gate_inp")))
        return AMPHI_WEIGHT_F32;
    if (amphi__str_starts_with(part, AMPHI_STR("attn_v.")) && is_shared(tensor) && is_iq4(type))
        type = AMPHI_WEIGHT_Q5_K;
    else if (amphi__str_starts_with(part, AMPHI_STR("attn_v.")) ||
             amphi__str_starts_with(part, AMPHI_STR("attn_qkv.")))
        type = wider(type, layer, layers, false);
    else if (amphi__str_starts_with(part, AMPHI_STR("ffn_down")))
        type = wider(type, layer, layers, true);
    else if (amphi__str_starts_with(part, AMPHI_STR("attn_output.")))
        type = next_wider(type);
    return fit_row(type, tensor->dims[0]);
}
