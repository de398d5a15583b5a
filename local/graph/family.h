/* SPDX-License-Identifier: Apache-2.0
 *
 * A model family: a const descriptor that says how its transformer differs from the plain one
 * (pre-norm, gated feed-forward, grouped-query attention). One small file each; the list is in
 * family.c.
 */
#ifndef AMPHI_GRAPH_FAMILY_H
#define AMPHI_GRAPH_FAMILY_H

#include "local/graph/hparams.h"

typedef enum amphi_gate { AMPHI_GATE_SILU = 0, AMPHI_GATE_GELU } amphi_gate;

struct amphi_family {
    const char *name;   /* general.architecture */
    bool rope_neox;     /* rotates (i, i + half) instead of (2i, 2i + 1) */
    bool fused_qkv;     /* attn_qkv holds the rows of q, k and v */
    bool fused_gate_up; /* ffn_up holds the rows of gate and up */
    bool qk_norm;       /* each head of q and k is normalized before its rotation */
    bool post_norms;    /* attention's and feed-forward's outputs are normalized */
    bool experts;       /* may have a mixture of experts in place of its feed-forward */
    amphi_gate gate;
    /* What else its metadata says, after the common keys were read; NULL: nothing. */
    amphi_status (*adjust)(amphi_hparams *hparams, const amphi_gguf *gguf, amphi_error *error);
};

/* NULL when we lack it. */
const amphi_family *amphi__family_find(amphi_str name);

extern const amphi_family amphi__family_llama;
extern const amphi_family amphi__family_qwen2;
extern const amphi_family amphi__family_qwen3;
extern const amphi_family amphi__family_gemma3;
extern const amphi_family amphi__family_phi3;
extern const amphi_family amphi__family_glm4;
extern const amphi_family amphi__family_qwen3moe;

#endif
