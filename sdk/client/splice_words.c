/* SPDX-License-Identifier: Apache-2.0
 *
 * The phrases are few on purpose, and stems where that is enough: what a phrase would show is
 * mostly seen from the form of the text as well (a short first sentence, a capital inside one).
 */
#include "sdk/client/splice_words.h"

#include "sdk/core/str.h"
#include "sdk/core/unicode.h"

enum {
    LAST_BYTES = 1024,
    SHARED_WORDS_MAX = 24,
    STEM_BYTES_MAX = 64,
    STEM_LETTERS = 4,
    STEM_BYTES = 4,
    OTHER_WORDS_MAX = 160
};

/* ---- Characters ------------------------------------------------------------------------------ */

static size_t decode(amphi_str text, size_t at, uint32_t *c)
{
    size_t size = amphi__utf8_decode(amphi__str_slice(text, at, text.size), c);
    if (size == 0)
        *c = 0xFFFD;
    return size > 0 ? size : 1;
}

uint32_t amphi__splice_first_char(amphi_str text)
{
    uint32_t c = 0;
    if (text.size > 0)
        (void)decode(text, 0, &c);
    return c;
}

uint32_t amphi__splice_last_char(amphi_str text)
{
    uint32_t c = 0;
    size_t at = text.size;
    while (at > 0 && ((unsigned char)text.data[at - 1] & 0xC0) == 0x80)
        at--;
    if (at > 0)
        (void)decode(text, at - 1, &c);
    return c;
}

bool amphi__splice_is_unspaced(uint32_t c)
{
    return (c >= 0x0E00 && c <= 0x0EFF) || (c >= 0x1000 && c <= 0x109F) ||
           (c >= 0x1780 && c <= 0x17FF) || (c >= 0x2E80 && c <= 0x9FFF && c != 0x3000) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFF66 && c <= 0xFF9F) || c >= 0x20000;
}

bool amphi__splice_is_word_char(uint32_t c)
{
    return amphi__unicode_is_letter(c) || amphi__unicode_is_mark(c) || amphi__unicode_is_digit(c) ||
           c == '_';
}

bool amphi__splice_is_sentence_end(uint32_t c)
{
    return c == '.' || c == '!' || c == '?' || c == 0x2026 || c == 0x3002 || c == 0xFF01 ||
           c == 0xFF1F || c == 0xFF0E || c == 0x061F || c == 0x06D4 || c == 0x0964;
}

size_t amphi__splice_blanks(amphi_str text)
{
    size_t at = 0;
    uint32_t c = 0;
    while (at < text.size) {
        size_t size = decode(text, at, &c);
        if (!amphi__unicode_is_blank(c) && c != '\n' && c != '\r' && c != '\t')
            break;
        at += size;
    }
    return at;
}

size_t amphi__splice_without_blanks(amphi_str text)
{
    size_t size = text.size;
    while (size > 0 && strchr(" \t\r\n", text.data[size - 1]) != NULL)
        size--;
    return size;
}

/* ---- Words ----------------------------------------------------------------------------------- */

static bool is_apostrophe(uint32_t c)
{
    return c == '\'' || c == 0x2019;
}

static void describe(amphi_splice_word *word, uint32_t first)
{
    word->is_upper = amphi__unicode_is_upper(first);
    word->is_unspaced = amphi__splice_is_unspaced(first);
    word->is_number = amphi__unicode_is_digit(first);
    word->is_caseless =
        amphi__unicode_is_letter(first) && !word->is_upper && !amphi__unicode_is_lower(first);
}

bool amphi__splice_word_next(amphi_str text, size_t *offset, amphi_splice_word *out)
{
    size_t at = *offset;
    uint32_t c = 0;
    uint32_t first = 0;
    size_t size = 0;
    memset(out, 0, sizeof *out);
    for (; at < text.size; at += size) {
        size = decode(text, at, &c);
        if (amphi__splice_is_word_char(c))
            break;
        out->blank_before |= amphi__unicode_is_blank(c) || c == '\n' || c == '\t';
    }
    if (at >= text.size)
        return false;
    size_t begin = at;
    first = c;
    at += size;
    while (!amphi__splice_is_unspaced(first) && at < text.size) {
        uint32_t next = 0;
        size = decode(text, at, &c);
        if (is_apostrophe(c) && at + size < text.size)
            (void)decode(text, at + size, &next);
        if (!(amphi__splice_is_word_char(c) && !amphi__splice_is_unspaced(c)) &&
            !(next != 0 && amphi__splice_is_word_char(next)))
            break;
        at += size;
    }
    out->text = amphi__str_slice(text, begin, at);
    out->end = *offset = at;
    describe(out, first);
    return true;
}

bool amphi__splice_word_last(amphi_str text, amphi_splice_word *out)
{
    size_t from = text.size > LAST_BYTES ? text.size - LAST_BYTES : 0;
    size_t offset = 0;
    bool found = false;
    amphi_splice_word word;
    while (from < text.size && ((unsigned char)text.data[from] & 0xC0) == 0x80)
        from++;
    amphi_str end = amphi__str_slice(text, from, text.size);
    while (amphi__splice_word_next(end, &offset, &word)) {
        *out = word;
        out->end += from;
        found = true;
    }
    return found;
}

size_t amphi__splice_words_count(amphi_str text, size_t most)
{
    size_t offset = 0;
    size_t count = 0;
    amphi_splice_word word;
    while (count < most && amphi__splice_word_next(text, &offset, &word))
        count++;
    return count;
}

/* ---- Sentences ------------------------------------------------------------------------------- */

bool amphi__splice_is_complete(amphi_str text)
{
    size_t size = amphi__splice_without_blanks(text);
    while (size > 0) {
        uint32_t c = amphi__splice_last_char(amphi_str_make(text.data, size));
        size_t width = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        bool is_closing = c == '"' || c == '\'' || c == ')' || c == ']' || c == '*' || c == '_' ||
                          c == 0x201D || c == 0x2019 || c == 0x00BB || c == 0x300D || c == 0xFF09;
        if (!is_closing)
            return amphi__splice_is_sentence_end(c);
        size -= width < size ? width : size;
    }
    return false;
}

amphi_str amphi__splice_first_sentence(amphi_str text)
{
    size_t at = amphi__splice_blanks(text);
    size_t begin = at;
    uint32_t c = 0;
    while (at < text.size) {
        at += decode(text, at, &c);
        if (c == '\n')
            break;
        bool is_wide = c > 0x7F;
        bool at_gap = at >= text.size || strchr(" \t\r\n\"'*", text.data[at]) != NULL;
        if (amphi__splice_is_sentence_end(c) && (is_wide || at_gap))
            break;
    }
    return amphi__str_slice(text, begin, at);
}

/* ---- Phrases --------------------------------------------------------------------------------- */

/* In lower case, without what is not a letter; at most size - 1 bytes. */
static size_t fold_to(char *out, size_t out_size, amphi_str text)
{
    size_t size = 0;
    size_t at = 0;
    bool gap = false;
    while (at < text.size && size + 6 < out_size) {
        uint32_t c = 0;
        at += decode(text, at, &c);
        if (!amphi__splice_is_word_char(c)) {
            gap = size > 0 && !is_apostrophe(c);
            continue;
        }
        if (gap)
            out[size++] = ' ';
        gap = false;
        size += amphi__utf8_encode(amphi__unicode_to_lower(c), out + size);
    }
    out[size] = '\0';
    return size;
}

static const char *const openers[] = {"sure", "of course", "certainly", "absolutely", "okay", "ok",
    "great", "happy to", "hi", "hello", "yes", "here is", "heres", "here are", "no problem",
    "natürlich", "gerne", "gern", "klar", "selbstverständlich", "sicher", "hallo", "gute frage",
    "hier ist", "hier sind", "bien sûr", "certainement", "daccord", "bonjour", "avec plaisir",
    "voici", "volontiers", "excellente", "bonne question", "claro", "por supuesto", "hola",
    "con gusto", "aquí", "buena pregunta", "desde luego", "encantado", "certo", "ecco", "ciao",
    "volentieri", "com certeza", "olá", "aqui está", "конечно", "вот", "привет", "здравствуйте",
    "хорошо", "当然", "好的", "没问题", "您好", "你好", "可以", "这是", "以下是", "很高兴",
    "もちろん", "はい", "こちら", "承知", "了解", "بالطبع", "بالتأكيد", "نعم", "مرحبا", "물론",
    "네", NULL};

static const char *const addresses[] = {"sorry", "apologi", "i cant", "i cannot", "i am unable",
    "im unable", "as an ai", "your message", "would you like", "do you want", "tut mir leid",
    "entschuldig", "kann ich nicht", "ich kann", "ihre nachricht", "möchten sie", "désolé",
    "je ne peux", "votre message", "souhaitez", "voulez", "lo siento", "disculp", "no puedo",
    "su mensaje", "desea", "quieres", "mi dispiace", "non posso", "desculp", "não posso", "извин",
    "не могу", "ваше сообщение", "抱歉", "对不起", "无法", "请问", "您的消息", "您想", "申し訳",
    "すみません", "できません", "عذرا", "آسف", "لا أستطيع", "죄송", NULL};

static const char *const continuings[] = {"continu", "left off", "cut off", "pick up", "rest of",
    "fortsetz", "fortfahr", "fahre", "weiter", "la suite", "reprend", "poursui", "sigue", "sigo",
    "prosegu", "retomo", "dejé", "seguito", "продолж", "继续", "续写", "接着", "接上", "続き",
    "続け", "متابعة", "تتمة", "이어", NULL};

static bool has_one_of(const char *folded, size_t size, const char *const *phrases)
{
    for (; *phrases != NULL; phrases++)
        if (memmem(folded, size, *phrases, strlen(*phrases)) != NULL)
            return true;
    return false;
}

bool amphi__splice_is_opener(amphi_str text)
{
    char folded[64];
    size_t size = fold_to(folded, sizeof folded, text);
    for (size_t i = 0; openers[i] != NULL; i++) {
        size_t length = strlen(openers[i]);
        bool at_end = size == length || folded[size < length ? 0 : length] == ' ' ||
                      (unsigned char)openers[i][0] >= 0xE0;
        if (size >= length && at_end && memcmp(folded, openers[i], length) == 0)
            return true;
    }
    return false;
}

bool amphi__splice_is_address(amphi_str sentence)
{
    char folded[256];
    size_t size = fold_to(folded, sizeof folded, sentence);
    return has_one_of(folded, size, addresses);
}

bool amphi__splice_is_about_continuing(amphi_str sentence)
{
    char folded[256];
    size_t size = fold_to(folded, sizeof folded, sentence);
    return has_one_of(folded, size, continuings);
}

/* ---- What two texts share -------------------------------------------------------------------- */

/* A word without its accents, in small letters; of scripts without blanks a pair of characters. */
typedef struct stem {
    char text[STEM_BYTES_MAX];
    size_t size;
    bool is_pair;
} stem;

static void read_stem(stem *out, amphi_str word, bool is_pair)
{
    size_t at = 0;
    uint32_t c = 0;
    out->size = 0;
    out->is_pair = is_pair;
    while (at < word.size && out->size + 4 * 4 < STEM_BYTES_MAX) {
        uint32_t found[AMPHI_UNICODE_FIND_MAX];
        at += decode(word, at, &c);
        size_t count = amphi__unicode_find_character(c, found);
        for (size_t i = 0; i < count && i < 4; i++)
            out->size += amphi__utf8_encode(found[i], out->text + out->size);
    }
}

/* Of the words of four letters and more. Returns how many. */
static size_t stems_of(amphi_str text, stem *out, size_t most)
{
    size_t offset = 0;
    size_t count = 0;
    amphi_splice_word word;
    amphi_str before = {NULL, 0};
    while (count < most && amphi__splice_word_next(text, &offset, &word)) {
        if (word.is_unspaced) {
            bool is_pair = before.size > 0 && before.data + before.size == word.text.data;
            if (is_pair)
                read_stem(
                    &out[count], amphi_str_make(before.data, before.size + word.text.size), true);
            count += is_pair;
            before = word.text;
            continue;
        }
        size_t letters = 0;
        size_t at = 0;
        uint32_t c = 0;
        for (; at < word.text.size && letters < STEM_LETTERS; letters++)
            at += decode(word.text, at, &c);
        if (letters < STEM_LETTERS)
            continue;
        read_stem(&out[count], word.text, false);
        count++;
    }
    return count;
}

/* "freeze" and "freezes", "Wald" and "Waelder", "Wasser" and "Hochwasser". */
static bool is_akin(const stem *a, const stem *b)
{
    if (a->is_pair || b->is_pair)
        return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
    size_t common = 0;
    while (common < a->size && common < b->size && a->text[common] == b->text[common])
        common++;
    size_t shorter = a->size < b->size ? a->size : b->size;
    if (common >= STEM_BYTES && (common >= 5 || common == shorter))
        return true;
    return shorter >= 5 && (memmem(a->text, a->size, b->text, b->size) != NULL ||
                               memmem(b->text, b->size, a->text, a->size) != NULL);
}

size_t amphi__splice_shared_words(amphi_str text, amphi_str other, size_t *others_count)
{
    stem own[SHARED_WORDS_MAX];
    stem others[OTHER_WORDS_MAX];
    size_t shared = 0;
    size_t count = stems_of(text, own, SHARED_WORDS_MAX);
    *others_count = stems_of(other, others, OTHER_WORDS_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t j = 0;
        while (j < *others_count && !is_akin(&own[i], &others[j]))
            j++;
        shared += j < *others_count;
    }
    return shared;
}
