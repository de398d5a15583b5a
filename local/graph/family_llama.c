/* SPDX-License-Identifier: Apache-2.0
 *
 * llama: Llama 2 and 3, Mistral, TinyLlama, SmolLM2 and the many that share their shape. The
 * converter has reordered q and k so that neighbours rotate together. With
 * experts it is a Mixtral.
 */
#include "local/graph/family.h"

const amphi_family amphi__family_llama = {.name = "llama", .experts = true};
