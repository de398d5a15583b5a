/* SPDX-License-Identifier: Apache-2.0
 *
 * The tree is an array in the order of a walk, with the index behind each subtree, so a walk is a
 * loop over memory in order that skips what the grammar refuses.
 */
#include "local/constraint/constraint.h"

#include "local/constraint/matcher.h"
#include "sdk/core/alloc.h"
#include "sdk/core/buf.h"
#include "sdk/core/error.h"

#include <math.h>
#include <stdlib.h>

enum {
    PIECE_MAX = 255, /* longer tokens are never chosen */
    MASKS_KEPT = 16,
    FORCED_BYTES_MAX = 4096,
    SAMPLE_MAX = 4096,
    RESERVE_MAX = 8, /* tokens */
};

typedef struct tree_node {
    uint32_t tokens_at; /* first of its tokens; they end where the next node's begin */
    uint32_t behind;    /* index of the first node that is not below it */
    uint8_t byte;
    uint8_t depth; /* 1: a token's first byte */
} tree_node;

struct amphi_lexicon {
    const amphi_tokenizer *tokenizer;
    tree_node *nodes; /* one more at the end, for tokens_at */
    uint32_t nodes_count;
    int32_t *tokens;
    uint32_t tokens_count;
    uint32_t size; /* of the vocabulary */
};

typedef struct kept_mask {
    uint32_t position; /* 0: free */
    uint32_t cost_max; /* the most that any of its tokens leaves to be written */
    uint32_t cost_min; /* the least, of all that fit */
    uint32_t allowed;
    bool pruned;   /* to keep within the limit */
    uint64_t used; /* when */
    uint64_t *bits;
} kept_mask;

struct amphi_constraint {
    const amphi_lexicon *lexicon;
    amphi_grammar grammar;
    amphi_matcher *matcher;
    uint32_t position;
    uint32_t reserve; /* tokens; UINT32_MAX: not known yet */
    size_t words;     /* of a mask */
    uint64_t clock;
    kept_mask masks[MASKS_KEPT];
    kept_mask scratch; /* when the end is near: not kept */
};

/* ---- the tree ------------------------------------------------------------------------------- */

typedef struct piece {
    uint64_t front; /* the first eight bytes: most comparisons end here */
    const unsigned char *bytes;
    uint32_t size;
    int32_t token;
} piece;

static int compare_pieces(const void *a, const void *b)
{
    const piece *x = a;
    const piece *y = b;
    if (x->front != y->front)
        return x->front < y->front ? -1 : 1;
    uint32_t size = x->size < y->size ? x->size : y->size;
    int order = memcmp(x->bytes, y->bytes, size);
    if (order != 0)
        return order;
    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    return (x->token > y->token) - (x->token < y->token);
}

/* Texts of all tokens that write something (they lie in the vocabulary); *bytes is their sum. */
static uint32_t collect(const amphi_tokenizer *tokenizer, piece *pieces, size_t *bytes)
{
    uint32_t count = 0;
    *bytes = 0;
    char scratch[8];
    for (uint32_t i = 0; i < amphi__tokenizer_size(tokenizer); i++) {
        amphi_str text = amphi__tokenizer_piece(tokenizer, (int32_t)i, false, scratch);
        if (text.size == 0 || text.size > PIECE_MAX || text.data == scratch ||
            amphi__tokenizer_is_end(tokenizer, (int32_t)i))
            continue;
        piece *p = &pieces[count++];
        p->token = (int32_t)i;
        p->size = (uint32_t)text.size;
        p->bytes = (const unsigned char *)text.data;
        p->front = 0;
        for (uint32_t j = 0; j < 8; j++)
            p->front = p->front << 8 | (j < p->size ? p->bytes[j] : 0);
        *bytes += text.size;
    }
    return count;
}

static void plant(amphi_lexicon *lexicon, const piece *pieces, uint32_t count)
{
    uint32_t open[PIECE_MAX + 1]; /* the nodes from the root to the last piece */
    uint32_t depth = 0;
    for (uint32_t i = 0; i < count; i++) {
        const piece *p = &pieces[i];
        uint32_t shared = 0;
        while (shared < depth && shared < p->size &&
               lexicon->nodes[open[shared]].byte == p->bytes[shared])
            shared++;
        while (depth > shared)
            lexicon->nodes[open[--depth]].behind = lexicon->nodes_count;
        for (; depth < p->size; depth++) {
            open[depth] = lexicon->nodes_count;
            lexicon->nodes[lexicon->nodes_count++] =
                (tree_node){.tokens_at = i, .byte = p->bytes[depth], .depth = (uint8_t)(depth + 1)};
        }
        lexicon->tokens[i] = p->token;
    }
    while (depth > 0)
        lexicon->nodes[open[--depth]].behind = lexicon->nodes_count;
    lexicon->nodes[lexicon->nodes_count].tokens_at = count;
    lexicon->tokens_count = count;
}

amphi_status amphi__lexicon_new(
    amphi_lexicon **out, const amphi_tokenizer *tokenizer, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    size_t bytes = 0;
    uint32_t count = 0;
    piece *pieces = NULL;
    *out = NULL;
    amphi_lexicon *lexicon = amphi__calloc(1, sizeof *lexicon);
    if (lexicon == NULL)
        return amphi__fail_no_memory(error);
    lexicon->tokenizer = tokenizer;
    lexicon->size = amphi__tokenizer_size(tokenizer);
    pieces = amphi__calloc((size_t)lexicon->size + 1, sizeof *pieces);
    lexicon->tokens = amphi__calloc((size_t)lexicon->size + 1, sizeof *lexicon->tokens);
    if (pieces == NULL || lexicon->tokens == NULL) {
        status = amphi__fail_no_memory(error);
        goto cleanup;
    }
    count = collect(tokenizer, pieces, &bytes);
    qsort(pieces, count, sizeof *pieces, compare_pieces);
    lexicon->nodes = amphi__calloc(bytes + 1, sizeof *lexicon->nodes);
    if (lexicon->nodes == NULL || bytes >= UINT32_MAX) {
        status = amphi__fail_no_memory(error);
        goto cleanup;
    }
    plant(lexicon, pieces, count);
    /* Pieces share most of their bytes: give the rest back. */
    tree_node *smaller = amphi__realloc_array(
        lexicon->nodes, (size_t)lexicon->nodes_count + 1, sizeof *lexicon->nodes);
    lexicon->nodes = smaller != NULL ? smaller : lexicon->nodes;
    *out = lexicon;
    lexicon = NULL;
cleanup:
    amphi__free(pieces);
    amphi__lexicon_free(lexicon);
    return status;
}

void amphi__lexicon_free(amphi_lexicon *lexicon)
{
    if (lexicon == NULL)
        return;
    amphi__free(lexicon->nodes);
    amphi__free(lexicon->tokens);
    amphi__free(lexicon);
}

/* ---- making --------------------------------------------------------------------------------- */

/* What a byte of the answer's frame costs, in 1/16 tokens: measured, with a fifth on top. */
static uint32_t frame_cost(const amphi_tokenizer *tokenizer, amphi_str sample)
{
    amphi_tokens tokens = {0};
    uint32_t cost = AMPHI_COST_TOKEN;
    if (sample.size > SAMPLE_MAX)
        sample.size = SAMPLE_MAX;
    if (sample.size > 0 &&
        amphi__tokenizer_encode(tokenizer, sample, false, NULL, &tokens, NULL) == AMPHI_OK)
        cost = (uint32_t)(tokens.size * AMPHI_COST_TOKEN * 6 / 5 / sample.size) + 1;
    amphi__tokens_clear(&tokens);
    return cost > AMPHI_COST_TOKEN ? AMPHI_COST_TOKEN : cost;
}

amphi_status amphi__constraint_new(amphi_constraint **out, const amphi_lexicon *lexicon,
    amphi_grammar *grammar_take, amphi_str sample, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    *out = NULL;
    amphi_constraint *c = amphi__calloc(1, sizeof *c);
    if (c == NULL) {
        amphi__grammar_clear(grammar_take);
        return amphi__fail_no_memory(error);
    }
    c->lexicon = lexicon;
    c->reserve = UINT32_MAX;
    c->grammar = *grammar_take;
    memset(grammar_take, 0, sizeof *grammar_take);
    c->words = ((size_t)lexicon->size + 63) / 64;
    status = amphi__grammar_seal(&c->grammar, frame_cost(lexicon->tokenizer, sample), error);
    if (status == AMPHI_OK)
        status = amphi__matcher_new(&c->matcher, &c->grammar, error);
    if (status != AMPHI_OK)
        goto cleanup;
    c->position = amphi__matcher_start(c->matcher);
    *out = c;
    c = NULL;
cleanup:
    amphi__constraint_free(c);
    return status;
}

void amphi__constraint_free(amphi_constraint *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < MASKS_KEPT; i++)
        amphi__free(c->masks[i].bits);
    amphi__free(c->scratch.bits);
    amphi__matcher_free(c->matcher);
    amphi__grammar_clear(&c->grammar);
    amphi__free(c);
}

static amphi_status check(const amphi_constraint *c, amphi_error *error)
{
    amphi_status status = amphi__matcher_status(c->matcher);
    return amphi__fail_grown(error, status, "the schema has too many alternatives at once");
}

/* ---- masks ---------------------------------------------------------------------------------- */

/* Marks the tokens that fit and leave at most `limit` to be written. */
static void walk(amphi_constraint *c, kept_mask *mask, uint32_t limit)
{
    const amphi_lexicon *lexicon = c->lexicon;
    memset(mask->bits, 0, c->words * sizeof *mask->bits);
    mask->cost_max = 0;
    mask->cost_min = AMPHI_COST_NEVER;
    mask->allowed = 0;
    mask->pruned = false;
    uint32_t at_depth[PIECE_MAX + 1];
    at_depth[0] = c->position;
    for (uint32_t i = 0; i < lexicon->nodes_count;) {
        const tree_node *node = &lexicon->nodes[i];
        uint32_t to = amphi__matcher_step(c->matcher, at_depth[node->depth - 1], node->byte);
        uint32_t first = node->tokens_at;
        uint32_t end = lexicon->nodes[i + 1].tokens_at;
        if (to == AMPHI_POSITION_NONE) {
            i = node->behind;
            continue;
        }
        at_depth[node->depth] = to;
        i++;
        if (first == end)
            continue;
        uint32_t cost = amphi__matcher_cost(c->matcher, to);
        mask->cost_min = cost < mask->cost_min ? cost : mask->cost_min;
        if (cost > limit) {
            mask->pruned = true;
            continue;
        }
        mask->cost_max = cost > mask->cost_max ? cost : mask->cost_max;
        mask->allowed += end - first;
        for (; first < end; first++) {
            uint32_t token = (uint32_t)lexicon->tokens[first];
            mask->bits[token >> 6] |= UINT64_C(1) << (token & 63);
        }
    }
}

static bool prepare(amphi_constraint *c, kept_mask *mask)
{
    if (mask->bits == NULL)
        mask->bits = amphi__calloc(c->words + 1, sizeof *mask->bits);
    return mask->bits != NULL;
}

/* The mask of this place, from memory when it holds for this limit; NULL without memory. */
static const kept_mask *find_mask(amphi_constraint *c, uint32_t limit)
{
    kept_mask *oldest = &c->masks[0];
    bool forgot = false;
    c->position = amphi__matcher_tidy(c->matcher, c->position, AMPHI_POSITIONS_TIDY, &forgot);
    c->clock++;
    for (size_t i = 0; i < MASKS_KEPT; i++) {
        kept_mask *mask = &c->masks[i];
        if (forgot)
            mask->position = 0;
        if (mask->position == c->position && mask->cost_max <= limit) {
            mask->used = c->clock;
            return mask;
        }
        if (mask->used < oldest->used)
            oldest = mask;
    }
    if (!prepare(c, oldest) || !prepare(c, &c->scratch))
        return NULL;
    walk(c, &c->scratch, limit);
    /* Too late to end in time by this estimate: then the way that ends soonest. */
    if (c->scratch.allowed == 0 && c->scratch.pruned && !amphi__constraint_may_end(c))
        walk(c, &c->scratch, c->scratch.cost_min);
    if (!c->scratch.pruned) {
        uint64_t *bits = oldest->bits;
        *oldest = c->scratch;
        oldest->position = c->position;
        oldest->used = c->clock;
        c->scratch.bits = bits;
        return oldest;
    }
    return &c->scratch;
}

/* What may be left to be written after the next token. A few tokens are kept back to the end, since
 * costs are estimates. */
static uint32_t limit_of(amphi_constraint *c, uint32_t tokens_left)
{
    if (c->reserve == UINT32_MAX)
        c->reserve = tokens_left / 8 < RESERVE_MAX ? tokens_left / 8 : RESERVE_MAX;
    uint64_t left = tokens_left > c->reserve ? tokens_left - c->reserve - 1 : 0;
    left *= AMPHI_COST_TOKEN;
    return left > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)left;
}

amphi_status amphi__constraint_mask(amphi_constraint *c, uint32_t tokens_left, float *logits,
    size_t logits_count, uint32_t *allowed, amphi_error *error)
{
    const kept_mask *mask = find_mask(c, limit_of(c, tokens_left));
    amphi_status status = check(c, error);
    bool may_end = amphi__constraint_may_end(c);
    if (status != AMPHI_OK)
        return status;
    if (mask == NULL)
        return amphi__fail_no_memory(error);
    *allowed = mask->allowed;
    for (size_t i = 0; i < logits_count; i++) {
        bool fits = i < c->lexicon->size && (mask->bits[i >> 6] >> (i & 63) & 1) != 0;
        if (fits)
            continue;
        if (may_end && amphi__tokenizer_is_end(c->lexicon->tokenizer, (int32_t)i))
            (*allowed)++;
        else
            logits[i] = -INFINITY;
    }
    return *allowed > 0 ? AMPHI_OK
                        : amphi__fail(error, AMPHI_E_REQUEST, 0,
                              "the response_format allows nothing that this model can write here");
}

/* ---- going on ------------------------------------------------------------------------------- */

amphi_status amphi__constraint_accept_prefix(
    amphi_constraint *c, amphi_str text, amphi_error *error)
{
    uint32_t at = c->position;
    for (size_t i = 0; i < text.size && at != AMPHI_POSITION_NONE; i++) {
        bool forgot = false;
        at = amphi__matcher_tidy(c->matcher, at, AMPHI_POSITIONS_TIDY, &forgot);
        at = amphi__matcher_step_lenient(c->matcher, at, (uint8_t)text.data[i]);
    }
    amphi_status status = check(c, error);
    if (status != AMPHI_OK)
        return status;
    if (at == AMPHI_POSITION_NONE)
        return amphi__fail(error, AMPHI_E_REQUEST, 0,
            "the answer's beginning does not follow the response_format");
    c->position = at;
    return AMPHI_OK;
}

bool amphi__constraint_fits(amphi_constraint *c, amphi_str text)
{
    uint32_t at = c->position;
    for (size_t i = 0; i < text.size && at != AMPHI_POSITION_NONE; i++)
        at = amphi__matcher_step(c->matcher, at, (uint8_t)text.data[i]);
    return at != AMPHI_POSITION_NONE && amphi__matcher_status(c->matcher) == AMPHI_OK;
}

amphi_status amphi__constraint_accept(amphi_constraint *c, int32_t token, amphi_error *error)
{
    char scratch[8];
    amphi_str text = amphi__tokenizer_piece(c->lexicon->tokenizer, token, false, scratch);
    uint32_t at = c->position;
    for (size_t i = 0; i < text.size && at != AMPHI_POSITION_NONE; i++)
        at = amphi__matcher_step(c->matcher, at, (uint8_t)text.data[i]);
    amphi_status status = check(c, error);
    if (status == AMPHI_OK && at == AMPHI_POSITION_NONE)
        status = amphi__fail(error, AMPHI_E_INTERNAL, 0, "a token left the response_format");
    if (status == AMPHI_OK)
        c->position = at;
    return status;
}

/* Bytes without a choice from here on; *ends: the answer must end behind them. */
static void forced_bytes(amphi_constraint *c, amphi_buf *out, bool *ends)
{
    uint32_t at = c->position;
    for (;;) {
        int byte = amphi__matcher_only(c->matcher, at);
        *ends = amphi__matcher_may_end(c->matcher, at) && !amphi__matcher_may_go_on(c->matcher, at);
        if (byte < 0 || out->size >= FORCED_BYTES_MAX)
            return;
        at = amphi__matcher_step(c->matcher, at, (uint8_t)byte);
        if (at == AMPHI_POSITION_NONE || amphi__buf_append_char(out, (char)byte) != AMPHI_OK)
            return;
    }
}

/* Do the tokens spell the text? (They don't where a text can't be written exactly.) */
static bool spell(const amphi_tokenizer *tokenizer, const amphi_tokens *tokens, amphi_str text)
{
    size_t at = 0;
    char scratch[8];
    for (size_t i = 0; i < tokens->size; i++) {
        amphi_str own = amphi__tokenizer_piece(tokenizer, tokens->data[i], false, scratch);
        if (own.size == 0 || own.size > text.size - at ||
            memcmp(own.data, text.data + at, own.size) != 0)
            return false;
        at += own.size;
    }
    return at == text.size;
}

amphi_status amphi__constraint_forced(
    amphi_constraint *c, uint32_t most, amphi_tokens *out, amphi_error *error)
{
    amphi_tokens tokens = {0};
    bool ends = false;
    bool late = amphi__matcher_cost(c->matcher, c->position) > limit_of(c, most);
    amphi_status status = AMPHI_OK;
    amphi_buf bytes;
    amphi__buf_init(&bytes, FORCED_BYTES_MAX + 1);
    forced_bytes(c, &bytes, &ends);
    status = check(c, error);
    if (status == AMPHI_OK && bytes.size > 0)
        status = amphi__tokenizer_encode_inside(
            c->lexicon->tokenizer, amphi__buf_str(&bytes), NULL, &tokens, error);
    if (status != AMPHI_OK || !spell(c->lexicon->tokenizer, &tokens, amphi__buf_str(&bytes)))
        goto cleanup;
    if (!ends && !late && tokens.size > 0)
        tokens.size--; /* it might become longer with what the model writes next */
    if (tokens.size > most)
        tokens.size = most;
    for (size_t i = 0; i < tokens.size && status == AMPHI_OK; i++)
        status = amphi__constraint_accept(c, tokens.data[i], error);
    if (status == AMPHI_OK && amphi__tokens_append(out, tokens.data, tokens.size) != AMPHI_OK)
        status = amphi__fail_no_memory(error);
cleanup:
    amphi__tokens_clear(&tokens);
    amphi__buf_clear(&bytes);
    return status;
}

bool amphi__constraint_may_end(const amphi_constraint *c)
{
    return amphi__matcher_may_end(c->matcher, c->position);
}

bool amphi__constraint_must_end(const amphi_constraint *c)
{
    return amphi__constraint_may_end(c) && !amphi__matcher_may_go_on(c->matcher, c->position);
}
