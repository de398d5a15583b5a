/* SPDX-License-Identifier: Apache-2.0
 *
 * The index only proposes messages; every hit was found here, in the message's own text.
 */
#include "storage/search_query.h"

#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#define SNIPPET_BEFORE 48  /* bytes of context in front of the first match */
#define SNIPPET_BYTES  160 /* without the marks of omission */
#define OMISSION       "\xe2\x80\xa6"

amphi_status amphi__search_read_query(
    amphi_search_query *own, const amphi_search_query *given, amphi_error *error)
{
    amphi_status status = AMPHI__SIZED_READ(amphi_search_query, own, given, "query", error);
    if (status != AMPHI_OK)
        return status;
    if (own->words.size > AMPHI_SEARCH_WORDS_BYTES_MAX)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "words: at most %d bytes can be searched for",
            AMPHI_SEARCH_WORDS_BYTES_MAX);
    if (own->before_id < 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "before_id is negative");
    if (own->limit > AMPHI_SEARCH_LIMIT_MAX)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "limit: at most %d", AMPHI_SEARCH_LIMIT_MAX);
    own->limit = own->limit > 0 ? own->limit : AMPHI_SEARCH_LIMIT;
    own->before_id = own->before_id > 0 ? own->before_id : INT64_MAX;
    return AMPHI_OK;
}

/* ---- pieces ---- */

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next part of the query: what stands in quotation marks, or up to a blank. */
static amphi_str next_part(amphi_str *rest, bool *is_quoted)
{
    size_t begin = 0;
    while (begin < rest->size && is_blank(rest->data[begin]))
        begin++;
    *rest = amphi__str_slice(*rest, begin, rest->size); /* a blank at the end ends the last word */
    *is_quoted = rest->size > 0 && rest->data[0] == '"';
    if (*is_quoted)
        return amphi__str_cut(amphi__str_slice(*rest, 1, rest->size), '"', rest);
    size_t end = 0;
    while (end < rest->size && !is_blank(rest->data[end]) && rest->data[end] != '"')
        end++;
    amphi_str part = amphi__str_slice(*rest, 0, end);
    *rest = amphi__str_slice(*rest, end, rest->size);
    return part;
}

static amphi_status split(amphi_search_pieces *out, amphi_str words, amphi_error *error)
{
    amphi_search_text part;
    size_t offsets[AMPHI_SEARCH_PIECES_MAX] = {0};
    amphi_status status = AMPHI_OK;
    memset(out, 0, sizeof *out);
    amphi__search_text_init(&out->text, false);
    amphi__search_text_init(&part, false);
    while (status == AMPHI_OK && words.size > 0) {
        bool is_quoted = false;
        amphi_str given = next_part(&words, &is_quoted);
        status = amphi__search_text_fold(&part, given);
        amphi_str folded = amphi__str_trim(amphi__buf_str(&part.folded));
        if (status != AMPHI_OK || folded.size == 0)
            continue;
        if (out->count == AMPHI_SEARCH_PIECES_MAX) {
            status = amphi__fail(error, AMPHI_E_LIMIT, 0, "words: at most %d can be searched for",
                AMPHI_SEARCH_PIECES_MAX);
            break;
        }
        offsets[out->count] = out->text.folded.size;
        out->pieces[out->count].text.size = folded.size;
        out->pieces[out->count++].is_prefix = !is_quoted && words.size == 0;
        status = amphi__buf_append_str(&out->text.folded, folded);
    }
    for (size_t i = 0; i < out->count; i++)
        out->pieces[i].text.data = out->text.folded.data + offsets[i];
    amphi__search_text_clear(&part);
    return status == AMPHI_E_NO_MEMORY ? amphi__fail_no_memory(error) : status;
}

/* ---- matching ---- */

/* Where the piece stands first, from `from` on, at borders of words where it is made of words;
 * SIZE_MAX: nowhere. */
static size_t find_piece(const amphi_search_piece *piece, amphi_str folded, size_t from)
{
    bool begins_word = !amphi__search_is_run(piece->text);
    size_t last = piece->text.size;
    while (last > 0 && ((unsigned char)piece->text.data[last - 1] & 0xC0) == 0x80)
        last--;
    amphi_str last_character = amphi__str_slice(piece->text, last > 0 ? last - 1 : 0, SIZE_MAX);
    bool ends_word = !piece->is_prefix && !amphi__search_is_run(last_character);
    for (;;) {
        amphi_str rest = amphi__str_slice(folded, from, folded.size);
        size_t found = amphi__str_find(rest, piece->text);
        if (found == SIZE_MAX)
            return SIZE_MAX;
        size_t at = from + found;
        size_t end = at + piece->text.size;
        if ((!begins_word || (at > 0 && folded.data[at - 1] == ' ')) &&
            (!ends_word || (end < folded.size && folded.data[end] == ' ')))
            return at;
        from = at + 1;
    }
}

static bool matches(const amphi_search_pieces *pieces, amphi_str folded)
{
    for (size_t i = 0; i < pieces->count; i++)
        if (find_piece(&pieces->pieces[i], folded, 0) == SIZE_MAX)
            return false;
    return pieces->count > 0;
}

/* ---- snippets ---- */

static bool is_inside_character(amphi_str text, size_t at)
{
    return at < text.size && ((unsigned char)text.data[at] & 0xC0) == 0x80;
}

/* The first match of any piece that begins at or behind `from`; *piece: which; SIZE_MAX: none. */
static size_t next_match(const amphi_search_pieces *pieces, amphi_str folded, size_t from,
    const amphi_search_piece **piece)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < pieces->count; i++) {
        size_t at = find_piece(&pieces->pieces[i], folded, from);
        bool is_longer =
            at == best && at != SIZE_MAX && pieces->pieces[i].text.size > (*piece)->text.size;
        if (at < best || is_longer) {
            best = at;
            *piece = &pieces->pieces[i];
        }
    }
    return best;
}

/* Which part of the original is shown: from `begin`, a word's border where one is near. */
static size_t snippet_begin(amphi_str original, size_t match)
{
    if (match <= SNIPPET_BEFORE)
        return 0;
    size_t begin = match - SNIPPET_BEFORE;
    for (size_t i = begin; i < match && i < begin + 16; i++)
        if (original.data[i] == ' ' || original.data[i] == '\n')
            return i + 1;
    while (is_inside_character(original, begin))
        begin++;
    return begin;
}

static size_t snippet_end(amphi_str original, size_t begin)
{
    if (original.size - begin <= SNIPPET_BYTES)
        return original.size;
    size_t end = begin + SNIPPET_BYTES;
    for (size_t i = end; i > end - 16; i--)
        if (original.data[i] == ' ' || original.data[i] == '\n')
            return i;
    while (is_inside_character(original, end))
        end--;
    return end;
}

static void add_match(amphi_search_snippet *out, size_t begin, size_t end)
{
    if (out->matches_count < AMPHI_SEARCH_MATCHES_MAX)
        out->matches[out->matches_count++] =
            (amphi_text_range){(uint32_t)begin, (uint32_t)(end - begin)};
}

/* `text` is the fold of `original`, with origins, and matches. */
static amphi_status make_snippet(amphi_search_snippet *out, const amphi_search_pieces *pieces,
    const amphi_search_text *text, amphi_str original)
{
    const amphi_search_piece *piece = NULL;
    amphi_str folded = amphi__buf_str(&text->folded);
    amphi__buf_reset(&out->text);
    out->matches_count = 0;
    size_t at = next_match(pieces, folded, 0, &piece);
    if (at == SIZE_MAX)
        return AMPHI_OK;
    size_t begin = snippet_begin(original, amphi__search_text_origin(text, at));
    size_t end = snippet_end(original, begin);
    if (begin > 0)
        (void)amphi__buf_append_c(&out->text, OMISSION);
    size_t shift = out->text.size;
    amphi_status status = amphi__buf_append_str(&out->text, amphi__str_slice(original, begin, end));
    for (size_t i = shift; status == AMPHI_OK && i < out->text.size; i++)
        if (out->text.data[i] >= 0 && out->text.data[i] < ' ')
            out->text.data[i] = ' ';
    if (status == AMPHI_OK && end < original.size)
        status = amphi__buf_append_c(&out->text, OMISSION);
    while (at != SIZE_MAX) {
        size_t match = amphi__search_text_origin(text, at);
        size_t behind = amphi__search_text_origin(text, at + piece->text.size - 1) + 1;
        while (is_inside_character(original, behind))
            behind++;
        if (behind > end)
            break;
        add_match(out, shift + match - begin, shift + behind - begin);
        at = next_match(pieces, folded, at + piece->text.size, &piece);
    }
    return status;
}

/* ---- one message after the other ---- */

amphi_status amphi__search_judge_init(
    amphi_search_judge *judge, amphi_str words, amphi_error *error)
{
    amphi__search_text_init(&judge->text, true);
    amphi__buf_init(&judge->readable, 0);
    amphi__buf_init(&judge->snippet.text, 0);
    judge->snippet.matches_count = 0;
    return split(&judge->pieces, words, error);
}

void amphi__search_judge_clear(amphi_search_judge *judge)
{
    amphi__search_text_clear(&judge->pieces.text);
    judge->pieces.count = 0;
    amphi__search_text_clear(&judge->text);
    amphi__buf_wipe(&judge->readable);
    amphi__buf_wipe(&judge->snippet.text);
    judge->snippet.matches_count = 0;
}

amphi_status amphi__search_judge_message(
    amphi_search_judge *judge, amphi_str content, bool is_json, bool *hit)
{
    *hit = false;
    amphi_status status = AMPHI_OK;
    if (is_json) {
        amphi__buf_reset(&judge->readable);
        status = amphi__search_readable(&judge->readable, content, true);
        content = amphi__buf_str(&judge->readable);
    }
    judge->text.has_origins = false; /* most messages need none */
    if (status == AMPHI_OK)
        status = amphi__search_text_fold(&judge->text, content);
    if (status != AMPHI_OK || !matches(&judge->pieces, amphi__buf_str(&judge->text.folded)))
        return status;
    *hit = true;
    judge->text.has_origins = true;
    status = amphi__search_text_fold(&judge->text, content);
    if (status == AMPHI_OK)
        status = make_snippet(&judge->snippet, &judge->pieces, &judge->text, content);
    return status;
}
