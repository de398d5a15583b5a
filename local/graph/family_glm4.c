/* SPDX-License-Identifier: Apache-2.0
 *
 * glm4: norms before and after each part, gate and up in one tensor, and only the first half of
 * each head (rope.dimension_count) is rotated, neighbours together.
 */
#include "local/graph/family.h"

const amphi_family amphi__family_glm4 = {.name = "glm4", .fused_gate_up = true, .post_norms = true};
