/* SPDX-License-Identifier: Apache-2.0
 *
 * Folding character by character: a search needs to know from where each byte came, which no
 * normalization of whole texts tells. Hangul syllables stay whole; other composed characters lose
 * their accents on both sides of the comparison, so their order does not matter.
 */
#include "storage/search_text.h"

#include "sdk/core/json.h"
#include "sdk/core/str.h"
#include "sdk/core/unicode.h"

typedef enum text_kind { KIND_NONE, KIND_WORD, KIND_RUN } text_kind;

void amphi__search_text_init(amphi_search_text *text, bool has_origins)
{
    amphi__buf_init(&text->folded, 0);
    amphi__buf_init(&text->origins, 0);
    text->has_origins = has_origins;
}

void amphi__search_text_clear(amphi_search_text *text)
{
    amphi__buf_wipe(&text->folded);
    amphi__buf_clear(&text->origins);
}

/* Han, kana, Hangul, Thai, Lao, Burmese, Khmer. */
static bool is_run_character(uint32_t c)
{
    return (c >= 0x3400 && c <= 0x9FFF) || (c >= 0x3040 && c <= 0x30FF) ||
           (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x0E00 && c <= 0x0EFF) ||
           (c >= 0x1000 && c <= 0x109F) || (c >= 0x1780 && c <= 0x17FF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF) || c == 0x3005;
}

static text_kind kind_of(uint32_t c)
{
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? KIND_WORD : KIND_NONE;
    if (is_run_character(c))
        return KIND_RUN;
    return amphi__unicode_is_letter(c) || amphi__unicode_is_digit(c) || amphi__unicode_is_mark(c)
               ? KIND_WORD
               : KIND_NONE;
}

/* A failed reservation is remembered in the buffer, and nothing more is written. */
static void put(amphi_search_text *text, const char *bytes, size_t size, size_t origin)
{
    amphi_buf *folded = &text->folded;
    uint32_t from = (uint32_t)(origin < UINT32_MAX ? origin : UINT32_MAX);
    if (folded->size + size >= folded->capacity &&
        amphi__buf_reserve(folded, folded->capacity + size) != AMPHI_OK)
        return;
    for (size_t i = 0; i < size; i++) {
        folded->data[folded->size++] = bytes[i];
        if (text->has_origins)
            (void)amphi__buf_append(&text->origins, &from, sizeof from);
    }
}

static void put_character(amphi_search_text *text, uint32_t c, size_t origin, text_kind *last)
{
    char bytes[4] = {(char)c};
    text_kind kind = kind_of(c);
    if (*last != KIND_NONE && kind != *last)
        put(text, " ", 1, origin);
    if (kind != KIND_NONE)
        put(text, bytes, c < 0x80 ? 1 : amphi__utf8_encode(c, bytes), origin);
    *last = kind;
}

/* One character of the original, or one byte that is none; returns its size. */
static size_t fold_character(
    amphi_search_text *text, amphi_str original, size_t at, text_kind *last)
{
    unsigned char byte = (unsigned char)original.data[at];
    uint32_t found[AMPHI_UNICODE_FIND_MAX];
    uint32_t c = 0;
    if (byte < 0x80) {
        put_character(text, byte >= 'A' && byte <= 'Z' ? byte + 32u : byte, at, last);
        return 1;
    }
    size_t size = amphi__utf8_decode(amphi__str_slice(original, at, original.size), &c);
    if (size == 0) {
        put_character(text, ' ', at, last);
        return 1;
    }
    size_t count = amphi__unicode_find_character(c, found);
    for (size_t i = 0; i < count; i++)
        put_character(text, found[i], at, last);
    return size;
}

amphi_status amphi__search_text_fold(amphi_search_text *text, amphi_str original)
{
    text_kind last = KIND_NONE;
    amphi__buf_reset(&text->folded);
    amphi__buf_reset(&text->origins);
    (void)amphi__buf_reserve(&text->folded, original.size + 2);
    put(text, " ", 1, 0);
    for (size_t at = 0; at < original.size;)
        at += fold_character(text, original, at, &last);
    if (last != KIND_NONE)
        put(text, " ", 1, original.size);
    if (text->folded.status != AMPHI_OK || text->origins.status != AMPHI_OK)
        return AMPHI_E_NO_MEMORY;
    text->folded.data[text->folded.size] = '\0';
    return AMPHI_OK;
}

uint32_t amphi__search_text_origin(const amphi_search_text *text, size_t folded_offset)
{
    uint32_t from = 0;
    memcpy(&from, text->origins.data + folded_offset * sizeof from, sizeof from);
    return from;
}

bool amphi__search_is_run(amphi_str text)
{
    uint32_t c = 0;
    return amphi__utf8_decode(text, &c) > 0 && is_run_character(c);
}

static size_t cut_size(amphi_str word)
{
    if (word.size <= AMPHI_SEARCH_TERM_BYTES_MAX)
        return word.size;
    return amphi__utf8_complete_size(amphi__str_slice(word, 0, AMPHI_SEARCH_TERM_BYTES_MAX));
}

bool amphi__search_next_term(amphi_str folded, size_t *at, amphi_str *term)
{
    while (*at < folded.size && folded.data[*at] == ' ')
        ++*at;
    if (*at >= folded.size)
        return false;
    amphi_str rest = amphi__str_slice(folded, *at, folded.size);
    uint32_t c = 0;
    size_t first = amphi__utf8_decode(rest, &c);
    if (is_run_character(c)) {
        amphi_str next = amphi__str_slice(rest, first, rest.size);
        size_t second = next.size > 0 && next.data[0] != ' ' ? amphi__utf8_decode(next, &c) : 0;
        *term = amphi__str_slice(rest, 0, first + second);
        *at += first;
        return true;
    }
    const char *end = memchr(rest.data, ' ', rest.size);
    amphi_str word = amphi__str_slice(rest, 0, end != NULL ? (size_t)(end - rest.data) : SIZE_MAX);
    *term = amphi__str_slice(word, 0, cut_size(word));
    *at += word.size;
    return true;
}

amphi_status amphi__search_readable(amphi_buf *out, amphi_str content, bool is_json)
{
    amphi_json *root = NULL;
    if (!is_json)
        return amphi__buf_append_str(out, content);
    amphi_status status = amphi__json_parse(&root, content, "content", NULL);
    if (status != AMPHI_OK)
        return status == AMPHI_E_NO_MEMORY ? status : amphi__buf_append_str(out, content);
    for (const amphi_json *part = amphi__json_first(root); part != NULL && status == AMPHI_OK;
         part = amphi__json_next(part)) {
        amphi_str text = amphi__json_string(amphi__json_get(part, "text"));
        if (text.size > 0 && out->size > 0)
            status = amphi__buf_append_char(out, '\n');
        if (status == AMPHI_OK)
            status = amphi__buf_append_str(out, text);
    }
    amphi__json_free(root);
    return status;
}
