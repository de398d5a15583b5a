/* SPDX-License-Identifier: Apache-2.0
 *
 * qwen2: Qwen 2 and 2.5, and the distills on them. Its q, k and v have biases, which the loader
 * takes wherever a file has them.
 */
#include "local/graph/family.h"

const amphi_family amphi__family_qwen2 = {.name = "qwen2", .rope_neox = true};
