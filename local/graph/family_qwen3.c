/* SPDX-License-Identifier: Apache-2.0
 *
 * qwen3: heads of q and k are normalized before they are rotated.
 */
#include "local/graph/family.h"

const amphi_family amphi__family_qwen3 = {.name = "qwen3", .rope_neox = true, .qk_norm = true};
