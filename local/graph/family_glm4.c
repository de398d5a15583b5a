/* SPDX-License-Identifier: Apache-2.0
 *
 * glm4: norms before and after each part, gate and up in one tensor, and only the first half of
 * each head (rope.dimension_count) is rotated, neighbours together. The ones that also see images
 * divide the rotated pairs among the axes of a picture (rope.dimension_sections); in text all axes
 * count alike, and what is left of it is that halves rotate together.
 */
#include "local/graph/family.h"

static amphi_status adjust(amphi_hparams *hparams, const amphi_gguf *gguf, amphi_error *error)
{
    amphi_gguf_array sections;
    if (amphi__gguf_array_get(gguf, "glm4.rope.dimension_sections", &sections) &&
        sections.type != AMPHI_GGUF_STRING)
        for (uint64_t i = 0; i < sections.count; i++)
            hparams->rope_neox |= amphi__gguf_array_i64(&sections, i) > 0;
    return AMPHI_OK;
}

const amphi_family amphi__family_glm4 = {
    .name = "glm4", .fused_gate_up = true, .post_norms = true, .adjust = adjust};
