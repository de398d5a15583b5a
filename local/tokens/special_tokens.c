/* SPDX-License-Identifier: Apache-2.0
 *
 * The tokens are sorted by text, so those that match at a place are found by narrowing a range
 * byte by byte. A first pass notes the longest match at each place and which lengths occur at all;
 * then one pass per length, longest first, takes what still lies free. Texts without special
 * tokens, nearly all, end after the first pass without an allocation.
 */
#include "local/tokens/special_tokens.h"

#include "sdk/core/alloc.h"

enum { POLL_BYTES = 4096 }; /* of the text, between two looks at the cancel mark */

static bool counts(const amphi_token_entry *entry, bool with_control)
{
    if (entry->text_size == 0 || entry->text_size > AMPHI_SPECIAL_BYTES_MAX)
        return false;
    return entry->kind == AMPHI_TOKEN_USER_DEFINED ||
           (with_control &&
               (entry->kind == AMPHI_TOKEN_CONTROL || entry->kind == AMPHI_TOKEN_UNKNOWN));
}

static bool is_before(const amphi_vocabulary *vocabulary, int32_t a, int32_t b)
{
    amphi_str left = amphi__vocabulary_text(vocabulary, a);
    amphi_str right = amphi__vocabulary_text(vocabulary, b);
    size_t size = left.size < right.size ? left.size : right.size;
    int order = memcmp(left.data, right.data, size);
    return order < 0 || (order == 0 && left.size < right.size);
}

/* Restores the heap (the last text on top) below `at`. */
static void sift(const amphi_vocabulary *vocabulary, int32_t *ids, size_t count, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_before(vocabulary, ids[child], ids[child + 1]))
            child++;
        if (!is_before(vocabulary, ids[at], ids[child]))
            return;
        int32_t kept = ids[at];
        ids[at] = ids[child];
        ids[child] = kept;
    }
}

/* Heapsort: it needs no memory, and no order of ids makes it slow. */
static void sort_by_text(const amphi_vocabulary *vocabulary, int32_t *ids, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift(vocabulary, ids, count, i);
    for (size_t left = count; left > 1; left--) {
        int32_t kept = ids[0];
        ids[0] = ids[left - 1];
        ids[left - 1] = kept;
        sift(vocabulary, ids, left - 1, 0);
    }
}

amphi_status amphi__special_tokens_init(
    amphi_special_tokens *special, const amphi_vocabulary *vocabulary, bool with_control)
{
    memset(special, 0, sizeof *special);
    special->vocabulary = vocabulary;
    size_t count = 0;
    for (uint32_t i = 0; i < vocabulary->count; i++)
        count += counts(&vocabulary->entries[i], with_control);
    special->ids = amphi__realloc_array(NULL, count + 1, sizeof *special->ids);
    if (special->ids == NULL)
        return AMPHI_E_NO_MEMORY;
    for (uint32_t i = 0; i < vocabulary->count; i++) {
        if (!counts(&vocabulary->entries[i], with_control))
            continue;
        /* Of duplicates the one that is found by text. */
        amphi_str text = amphi__vocabulary_text(vocabulary, (int32_t)i);
        if (amphi__vocabulary_find(vocabulary, text) != (int32_t)i)
            continue;
        special->ids[special->count++] = (int32_t)i;
        special->first_bytes[(uint8_t)text.data[0]] = true;
    }
    sort_by_text(vocabulary, special->ids, special->count);
    return AMPHI_OK;
}

void amphi__special_tokens_clear(amphi_special_tokens *special)
{
    amphi__free(special->ids);
    memset(special, 0, sizeof *special);
}

/* Byte `depth` of token i's text, or -1 past its end. */
static int byte_at(const amphi_special_tokens *special, size_t i, size_t depth)
{
    amphi_str text = amphi__vocabulary_text(special->vocabulary, special->ids[i]);
    return depth < text.size ? (uint8_t)text.data[depth] : -1;
}

/* The first token in [low, high) whose byte at `depth` is >= byte. */
static size_t lower_bound(
    const amphi_special_tokens *special, size_t low, size_t high, size_t depth, int byte)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (byte_at(special, middle, depth) < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The longest token at the front of `text` with at most `limit` bytes: its id, or -1. Each
 * length that matches is noted in lengths[] (may be NULL). */
static int32_t match_at(
    const amphi_special_tokens *special, amphi_str text, size_t limit, bool *lengths)
{
    size_t low = 0;
    size_t high = special->count;
    int32_t found = -1;
    for (size_t depth = 0; depth < text.size && depth < limit && low < high; depth++) {
        int byte = (uint8_t)text.data[depth];
        low = lower_bound(special, low, high, depth, byte);
        high = lower_bound(special, low, high, depth, byte + 1);
        if (low < high && byte_at(special, low, depth + 1) < 0) {
            found = special->ids[low];
            if (lengths != NULL)
                lengths[depth + 1] = true;
        }
    }
    return found;
}

typedef struct claim { /* what begins at a byte of the text */
    int32_t id;        /* -1: nothing */
    uint32_t size;     /* of the token and the blanks that it swallows */
} claim;

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Takes the free matches of exactly `length` bytes, from left to right. */
static void claim_length(const amphi_special_tokens *special, amphi_str text, size_t length,
    claim *claims, uint8_t *taken)
{
    for (size_t at = 0; at + length <= text.size; at++) {
        if (taken[at] || !special->first_bytes[(uint8_t)text.data[at]])
            continue;
        amphi_str here = amphi_str_make(text.data + at, text.size - at);
        int32_t id = match_at(special, here, length, NULL);
        if (id < 0 || special->vocabulary->entries[id].text_size != length ||
            memchr(taken + at, 1, length) != NULL)
            continue;
        size_t size = length;
        while (special->vocabulary->entries[id].strips_right && at + size < text.size &&
               !taken[at + size] && is_blank(text.data[at + size]))
            size++;
        claims[at].id = id;
        claims[at].size = (uint32_t)size;
        memset(taken + at, 1, size);
        at += size - 1;
    }
}

static amphi_status visit_parts(
    amphi_str text, const claim *claims, amphi_special_tokens_fn *visit, void *user)
{
    amphi_status status = AMPHI_OK;
    size_t plain = 0;
    for (size_t at = 0; at < text.size && status == AMPHI_OK;) {
        if (claims[at].id < 0) {
            at++;
            continue;
        }
        if (at > plain)
            status = visit(user, amphi_str_make(text.data + plain, at - plain), -1);
        if (status == AMPHI_OK)
            status = visit(user, amphi_str_make(NULL, 0), claims[at].id);
        at += claims[at].size;
        plain = at;
    }
    if (status == AMPHI_OK && plain < text.size)
        status = visit(user, amphi_str_make(text.data + plain, text.size - plain), -1);
    return status;
}

amphi_status amphi__special_tokens_split(const amphi_special_tokens *special, amphi_str text,
    const amphi_cancel *cancel, amphi_special_tokens_fn *visit, void *user)
{
    bool lengths[AMPHI_SPECIAL_BYTES_MAX + 1] = {false};
    bool any = false;
    for (size_t at = 0; at < text.size && special->count > 0; at++) {
        if (at % POLL_BYTES == 0 && amphi__cancel_is_set(cancel))
            return AMPHI_E_CANCELLED;
        if (special->first_bytes[(uint8_t)text.data[at]])
            any |= match_at(special, amphi_str_make(text.data + at, text.size - at),
                       AMPHI_SPECIAL_BYTES_MAX, lengths) >= 0;
    }
    if (text.size == 0)
        return AMPHI_OK;
    if (!any)
        return visit(user, text, -1);
    amphi_status status = AMPHI_E_NO_MEMORY;
    claim *claims = amphi__realloc_array(NULL, text.size, sizeof *claims);
    uint8_t *taken = amphi__calloc(text.size, 1);
    if (claims == NULL || taken == NULL)
        goto cleanup;
    for (size_t at = 0; at < text.size; at++)
        claims[at].id = -1;
    status = AMPHI_OK;
    for (size_t length = AMPHI_SPECIAL_BYTES_MAX; length > 0 && status == AMPHI_OK; length--) {
        if (lengths[length])
            claim_length(special, text, length, claims, taken);
        status = amphi__cancel_is_set(cancel) ? AMPHI_E_CANCELLED : AMPHI_OK;
    }
    if (status == AMPHI_OK)
        status = visit_parts(text, claims, visit, user);
cleanup:
    amphi__free(claims);
    amphi__free(taken);
    return status;
}
