/* SPDX-License-Identifier: Apache-2.0
 *
 * The header of a GGUF file that equals another one but for the types of its weights.
 */
#ifndef AMPHI_MODEL_GGUF_WRITE_H
#define AMPHI_MODEL_GGUF_WRITE_H

#include "local/model/gguf.h"
#include "sdk/core/buf.h"

/* types: one for each tensor, in the file's order; rows must be multiples of their blocks.
 * file_type: general.file_type, as other tools name mixtures. offsets[i]: where the data of tensor
 * i belongs in the new file; *size: of that file. `out` is initialized, and empty. */
amphi_status amphi__gguf_write_header(amphi_buf *out, const amphi_gguf *gguf,
    const amphi_weight_type *types, uint32_t file_type, uint64_t *offsets, uint64_t *size,
    amphi_error *error);

#endif
