/* SPDX-License-Identifier: Apache-2.0
 *
 * From bytes to tokens: where words begin and end, whether the text may be touched, in which
 * language it is, and which capitals say something.
 */
#include "sdk/near/reading.h"

#include "sdk/core/str.h"
#include "sdk/core/unicode.h"
#include "sdk/near/near.h"
#include "sdk/near/rewrite.h"
#include "sdk/near/words.h"

#define CODEPOINT_RIGHT_QUOTE 0x2019 /* the apostrophe that keyboards of phones write */

static bool is_han(uint32_t c)
{
    return (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
           (c >= 0x3040 && c <= 0x30FF) || (c >= 0x20000 && c <= 0x3FFFF) || c == 0x3005 ||
           c == 0x3007;
}

static bool is_kana(uint32_t c)
{
    return c >= 0x3040 && c <= 0x30FF;
}

static bool is_word_part(uint32_t c)
{
    return !is_han(c) &&
           (amphi__unicode_is_letter(c) || amphi__unicode_is_mark(c) || c == 0x200C || c == 0x200D);
}

/* The character at `at`; 0 behind the end. */
static uint32_t peek(amphi_str text, size_t at, size_t *size)
{
    uint32_t c = 0;
    *size = at < text.size ? amphi__utf8_decode(amphi__str_slice(text, at, text.size), &c) : 0;
    return *size > 0 ? c : 0;
}

/* ---- trimming ---- */

static bool is_outer_blank(uint32_t c)
{
    return amphi__unicode_is_blank(c) || c == 0x200B;
}

static amphi_str trim(amphi_str text)
{
    size_t size = 0;
    while (is_outer_blank(peek(text, 0, &size)) && size > 0)
        text = amphi__str_slice(text, size, text.size);
    for (;;) {
        size_t at = text.size;
        while (at > 0 && ((unsigned char)text.data[at - 1] & 0xC0) == 0x80)
            at--;
        if (at == 0 || !is_outer_blank(peek(text, at - 1, &size)) || at - 1 + size != text.size)
            return text;
        text = amphi__str_slice(text, 0, at - 1);
    }
}

/* ---- tokens ---- */

typedef struct scanner {
    amphi_str text;
    size_t at;
    amphi_near_reading *out;
    bool is_code; /* a sign of code, of a quotation or of text that is given to work on */
} scanner;

/* An apostrophe between letters, which belongs to the word. */
static bool is_apostrophe(const scanner *s, size_t at, uint32_t c, size_t size)
{
    size_t next_size = 0;
    return (c == '\'' || c == CODEPOINT_RIGHT_QUOTE) &&
           is_word_part(peek(s->text, at + size, &next_size));
}

static void scan_word(scanner *s)
{
    size_t size = 0;
    for (;;) {
        uint32_t c = peek(s->text, s->at, &size);
        if (size == 0 ||
            !(is_word_part(c) || amphi__unicode_is_digit(c) || is_apostrophe(s, s->at, c, size)))
            return;
        s->at += size;
    }
}

static void scan_number(scanner *s)
{
    size_t size = 0;
    size_t next = 0;
    for (;;) {
        uint32_t c = peek(s->text, s->at, &size);
        bool joins = (c == '.' || c == ',' || c == ':' || c == '/') &&
                     amphi__unicode_is_digit(peek(s->text, s->at + 1, &next));
        if (size == 0 || !(amphi__unicode_is_digit(c) || joins))
            return;
        s->at += size;
    }
}

/* Marks that stand in code, around quotations, or before text that is given to work on; some only
 * where no blank parts them from what stands before, or where one does. */
static bool is_sign_of_code(const scanner *s, uint32_t c, size_t begin, bool blank_before)
{
    static const uint32_t always[] = {'{', '}', '[', ']', '<', '>', '\\', '|', '=', ';', '_', '^',
        '~', '*', '@', '`', '"', ':', '\'', 0x2018, CODEPOINT_RIGHT_QUOTE, 0x201A, 0x201C, 0x201D,
        0x201E, 0xAB, 0xBB, 0x300C, 0x300E, 0xFF1A, 0xFF02, 0xFF07, 0x2039, 0x203A, 0xFF1B};
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        if (c == always[i])
            return true;
    size_t size = 0;
    uint32_t next = peek(s->text, s->at, &size);
    bool is_attached = begin > 0 && !blank_before;
    switch (c) {
    case '#':
        return !is_attached;
    case '(':
        return is_attached;
    case '-':
        return !is_attached && is_word_part(next);
    case '/':
    case '.':
        return !is_attached || next == c;
    default:
        return false;
    }
}

static amphi_status append_lower(amphi_buf *out, amphi_str text)
{
    size_t size = 0;
    amphi_status status = AMPHI_OK;
    for (size_t at = 0; status == AMPHI_OK && at < text.size; at += size) {
        char bytes[4];
        uint32_t c = peek(text, at, &size);
        if (c == CODEPOINT_RIGHT_QUOTE)
            c = '\'';
        status =
            amphi__buf_append(out, bytes, amphi__utf8_encode(amphi__unicode_to_lower(c), bytes));
    }
    return status;
}

static amphi_near_shape shape_of(amphi_str word)
{
    size_t size = 0;
    size_t upper = 0;
    size_t lower = 0;
    bool first_is_upper = false;
    for (size_t at = 0; at < word.size; at += size) {
        uint32_t c = peek(word, at, &size);
        if (amphi__unicode_is_upper(c)) {
            first_is_upper = first_is_upper || (upper == 0 && lower == 0);
            upper++;
        } else if (amphi__unicode_is_lower(c))
            lower++;
    }
    if (upper == 0)
        return lower > 0 ? AMPHI_NEAR_SHAPE_LOWER : AMPHI_NEAR_SHAPE_NONE;
    if (upper == 1 && first_is_upper)
        return AMPHI_NEAR_SHAPE_TITLE;
    return lower == 0 ? AMPHI_NEAR_SHAPE_UPPER : AMPHI_NEAR_SHAPE_MIXED;
}

static amphi_status add_token(scanner *s, size_t begin, amphi_near_kind kind, bool blank_before)
{
    amphi_near_list *list = &s->out->list;
    if (list->count == AMPHI_NEAR_TOKENS_MAX) {
        s->out->is_long = true;
        return AMPHI_OK;
    }
    amphi_near_token *token = &list->tokens[list->count];
    size_t lower_from = s->out->lower.size;
    *token = (amphi_near_token){.text = amphi__str_slice(s->text, begin, s->at),
        .kind = kind,
        .blank_before = blank_before && list->count > 0};
    amphi_status status = append_lower(&s->out->lower, token->text);
    if (status != AMPHI_OK)
        return status;
    token->lower = amphi__str_slice(amphi__buf_str(&s->out->lower), lower_from, SIZE_MAX);
    token->flags = amphi__near_word(token->lower);
    token->shape = kind == AMPHI_NEAR_KIND_WORD ? shape_of(token->text) : AMPHI_NEAR_SHAPE_NONE;
    list->count++;
    return AMPHI_OK;
}

static amphi_status scan(scanner *s)
{
    amphi_status status = AMPHI_OK;
    while (status == AMPHI_OK && s->at < s->text.size && !s->out->is_long) {
        bool blank = false;
        size_t size = 0;
        uint32_t c = peek(s->text, s->at, &size);
        for (; amphi__unicode_is_blank(c) && size > 0; c = peek(s->text, s->at, &size)) {
            s->is_code = s->is_code || (c >= '\t' && c <= '\r') || c == 0x2028 || c == 0x2029;
            blank = true;
            s->at += size;
        }
        size_t begin = s->at;
        s->at += size;
        amphi_near_kind kind = AMPHI_NEAR_KIND_MARK;
        if (is_han(c))
            kind = AMPHI_NEAR_KIND_HAN;
        else if (amphi__unicode_is_digit(c)) {
            kind = AMPHI_NEAR_KIND_NUMBER;
            scan_number(s);
        } else if (is_word_part(c)) {
            kind = AMPHI_NEAR_KIND_WORD;
            scan_word(s);
        } else
            s->is_code = s->is_code || is_sign_of_code(s, c, begin, blank);
        status = add_token(s, begin, kind, blank);
    }
    return status;
}

/* ---- what the text as a whole says ---- */

static amphi_near_language language_of(const amphi_near_list *list)
{
    size_t english = 0;
    size_t foreign = 0;
    size_t han = 0;
    size_t kana = 0;
    for (size_t i = 0; i < list->count; i++) {
        const amphi_near_token *token = &list->tokens[i];
        size_t size = 0;
        english += (token->flags & AMPHI_WORD_ENGLISH) != 0;
        foreign += (token->flags & AMPHI_WORD_FOREIGN) != 0;
        han += token->kind == AMPHI_NEAR_KIND_HAN;
        kana += is_kana(peek(token->text, 0, &size));
    }
    if (han > 0)
        return kana == 0 ? AMPHI_NEAR_CHINESE : AMPHI_NEAR_OTHER;
    return english > 0 && english > foreign ? AMPHI_NEAR_ENGLISH : AMPHI_NEAR_OTHER;
}

static bool is_about_chinese_words(const amphi_near_list *list)
{
    static const char *const signs[] = {"意思", "怎么说", "怎么写", "怎么读", "如何写", "如何说",
        "怎么念", "翻译", "单词", "词语", "成语", "拼音", "笔画", "这个字", "这个词", "近义",
        "反义", "造句", "改写", "重复", "是什么词", "对联"};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (amphi__near_find(list, 0, signs[i]) < list->count)
            return true;
    return false;
}

static amphi_near_freedom freedom_of(const scanner *s)
{
    amphi_near_freedom freedom = AMPHI_NEAR_FREE;
    if (s->is_code || amphi__near_is_about_itself(&s->out->list))
        return AMPHI_NEAR_KEEP;
    for (size_t i = 0; i < s->out->list.count; i++) {
        const amphi_near_token *token = &s->out->list.tokens[i];
        if ((token->flags & AMPHI_WORD_FORM) != 0)
            return AMPHI_NEAR_KEEP;
        if ((token->flags & AMPHI_WORD_META) != 0)
            freedom = AMPHI_NEAR_FOLD_ONLY;
    }
    if (s->out->language == AMPHI_NEAR_CHINESE && is_about_chinese_words(&s->out->list))
        freedom = AMPHI_NEAR_FOLD_ONLY;
    return freedom;
}

amphi_status amphi__near_read(amphi_near_reading *out, amphi_str text)
{
    memset(out, 0, sizeof *out);
    amphi__buf_init(&out->text, 0);
    amphi__buf_init(&out->lower, 0);
    text = trim(text);
    amphi_status status = amphi__unicode_nfc(&out->text, text);
    if (status == AMPHI_E_FORMAT) {
        out->is_long = true;
        return amphi__buf_append_str(&out->text, text);
    }
    out->is_long = out->text.size > AMPHI_NEAR_TEXT_BYTES_MAX;
    out->freedom = AMPHI_NEAR_KEEP;
    if (status != AMPHI_OK || out->is_long)
        return status;
    /* Three bytes at most become of two (a capital with a dot): tokens must not move. */
    status = amphi__buf_reserve(&out->lower, 2 * out->text.size + 4);
    scanner s = {.text = amphi__buf_str(&out->text), .out = out};
    if (status == AMPHI_OK)
        status = scan(&s);
    if (status != AMPHI_OK || out->is_long)
        return status;
    out->language = language_of(&out->list);
    out->freedom = freedom_of(&s);
    amphi__near_read_case(out);
    return AMPHI_OK;
}

void amphi__near_reading_clear(amphi_near_reading *reading)
{
    amphi__buf_wipe(&reading->text);
    amphi__buf_wipe(&reading->lower);
    reading->list.count = 0;
}
