/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of pre-split patterns, and PCRE2 running them. The patterns are the public ones of
 * each model's tokenizer.json, written so that PCRE2, the regex engine they came from and
 * llama.cpp cut alike: white space is spelled out (engines differ on U+180E and U+001C..1F),
 * "letters but not a-z" is a negated class, and no pattern captures or nests repeats, so matching
 * stays linear but for a constant.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "local/tokens/pretokenizer.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <pcre2.h>

#define STAGES_MAX      6
#define MATCH_STEPS_MAX 200000000u
#define MATCH_HEAP_KIB  65536u
#define JIT_STACK_BYTES (512u * 1024u)

/* White_Space=yes of the Unicode database, for use inside brackets. */
#define WS                                                                                         \
    "\\t-\\r \\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}"       \
    "\\x{3000}"
#define L  "\\p{L}"
#define N  "\\p{N}"
#define LN "\\p{L}\\p{N}"

#define ENDINGS_LOWER "'s|'t|'re|'ve|'m|'ll|'d"
#define ENDINGS       "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
/* Runs of blanks leave their last one to the word that follows. */
#define BLANKS      "[" WS "]+(?![^" WS "])|[" WS "]+"
#define LINE_BREAKS "[" WS "]*[\\r\\n]+"

#define GPT2 ENDINGS_LOWER "| ?" L "+| ?" N "+| ?[^" WS LN "]+|" BLANKS
/* The family of cl100k_base: `digits` is what a number is cut into. */
#define CL100K(digits)                                                                             \
    ENDINGS "|[^\\r\\n" LN "]?" L "+|" digits "| ?[^" WS LN "]+[\\r\\n]*|" LINE_BREAKS "|" BLANKS

/* Letters that are not a-z, and letters that are not A-Z. */
#define UPPERISH "[^\\P{L}a-z]"
#define LOWERISH "[^\\P{L}A-Z]"
/* The family of o200k_base. */
#define O200K(ending, digits)                                                                      \
    "[^\\r\\n" LN "]?" UPPERISH "*" LOWERISH "+" ending "|[^\\r\\n" LN "]?" UPPERISH "+" LOWERISH  \
    "*" ending "|" digits "| ?[^" WS LN "]+[\\r\\n/]*|" LINE_BREAKS "|" BLANKS

/* DeepSeek's class of letters with case, as its tokenizer.json lists them. */
#define CASED_LETTERS                                                                              \
    "A-Za-z\\x{B5}\\x{C0}-\\x{D6}\\x{D8}-\\x{F6}\\x{F8}-\\x{1BA}\\x{1BC}-\\x{1BF}"                 \
    "\\x{1C4}-\\x{293}\\x{295}-\\x{2AF}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37B}-\\x{37D}"         \
    "\\x{37F}\\x{386}\\x{388}-\\x{38A}\\x{38C}\\x{38E}-\\x{3A1}\\x{3A3}-\\x{3F5}"                  \
    "\\x{3F7}-\\x{481}\\x{48A}-\\x{52F}\\x{531}-\\x{556}\\x{10A0}-\\x{10C5}"                       \
    "\\x{13A0}-\\x{13F5}\\x{13F8}-\\x{13FD}\\x{1C90}-\\x{1CBA}\\x{1CBD}-\\x{1CBF}"                 \
    "\\x{1D00}-\\x{1D2B}\\x{1D6B}-\\x{1D77}\\x{1D79}-\\x{1D9A}\\x{1E00}-\\x{1F15}"                 \
    "\\x{1F18}-\\x{1F1D}\\x{1F20}-\\x{1F45}\\x{1F48}-\\x{1F4D}\\x{1F50}-\\x{1F57}\\x{1F59}"        \
    "\\x{1F5B}\\x{1F5D}\\x{1F5F}-\\x{1F7D}\\x{1F80}-\\x{1FB4}\\x{1FB6}-\\x{1FBC}\\x{1FBE}"         \
    "\\x{1FC2}-\\x{1FC4}\\x{1FC6}-\\x{1FCC}\\x{1FD0}-\\x{1FD3}\\x{1FD6}-\\x{1FDB}"                 \
    "\\x{1FE0}-\\x{1FEC}\\x{1FF2}-\\x{1FF4}\\x{1FF6}-\\x{1FFC}\\x{2102}\\x{2107}"                  \
    "\\x{210A}-\\x{2113}\\x{2115}\\x{2119}-\\x{211D}\\x{2124}\\x{2126}\\x{2128}"                   \
    "\\x{212A}-\\x{212D}\\x{212F}-\\x{2134}\\x{2139}\\x{213C}-\\x{213F}\\x{2145}-\\x{2149}"        \
    "\\x{214E}\\x{2183}\\x{2184}\\x{2C00}-\\x{2C7B}\\x{2C7E}-\\x{2CE4}\\x{2CEB}-\\x{2CEE}"         \
    "\\x{2CF2}\\x{2CF3}\\x{A640}-\\x{A66D}\\x{A680}-\\x{A69B}\\x{A722}-\\x{A76F}"                  \
    "\\x{A771}-\\x{A787}\\x{A78B}-\\x{A78E}\\x{AB70}-\\x{ABBF}\\x{FB00}-\\x{FB06}"                 \
    "\\x{FB13}-\\x{FB17}\\x{FF21}-\\x{FF3A}\\x{FF41}-\\x{FF5A}\\x{10400}-\\x{1044F}"               \
    "\\x{104B0}-\\x{104D3}\\x{104D8}-\\x{104FB}\\x{10C80}-\\x{10CB2}\\x{10CC0}-\\x{10CF2}"         \
    "\\x{118A0}-\\x{118DF}\\x{1E900}-\\x{1E943}"

/* DeepSeek's CJK class: U+0800..U+9FA5 and Hangul, without the blanks that lie between. */
#define DEEPSEEK_CJK                                                                               \
    "[\\x{800}-\\x{167F}\\x{1681}-\\x{1FFF}\\x{200B}-\\x{2027}\\x{202A}-\\x{202E}"                 \
    "\\x{2030}-\\x{205E}\\x{2060}-\\x{2FFF}\\x{3001}-\\x{9FA5}\\x{AC00}-\\x{D7FF}]+"
#define DEEPSEEK_PUNCTUATION                                                                       \
    "[" WS "]?[!-/"                                                                                \
    ":-~\\x{FF01}-\\x{FF0F}\\x{FF1A}-\\x{FF5E}\\x{2018}-\\x{201F}\\x{3001}\\x{3002}]+"
/* Blanks at the very end; the look-behind keeps long runs elsewhere linear. */
#define TRAILING_BLANKS "(?<![" WS "])[" WS "]++\\z"
/* llama.cpp does not count "~" as a symbol here; the model's own tokenizer does. */
#define DEEPSEEK_V3_WORDS                                                                          \
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?"           \
    "[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|" LINE_BREAKS "|" BLANKS
/* BLOOM keeps words together with all that is not one of its separators. */
#define BLOOM " ?[^(" WS "|.,!?\\x{2026}\\x{3002}\\x{FF0C}\\x{3001}\\x{964}\\x{6D4}\\x{60C})]+"

typedef struct pattern_set {
    const char *names; /* separated by blanks */
    const char *stages[STAGES_MAX];
    bool ignores_merges;
    bool adds_bos;
    bool lacks_bos;
} pattern_set;

static const pattern_set pattern_sets[] = {
    {"default", {"[\\p{P}$+<=>^~|]+", GPT2, N "+", "[0-9][0-9][0-9]"}, false, false, false},
    {"gpt-2 phi-2 mpt olmo jais trillion granite-docling exaone4 jina-es jina-de jina-v1-en "
     "jina-v2-es jina-v2-de jina-v2-code roberta-bpe gigachat a.x-4.0 mellum modern-bert",
        {GPT2}, false, false, false},
    {"llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
        {CL100K(N "{1,3}")}, true, true, false},
    {"dbrx smaug-bpe", {CL100K(N "{1,3}")}, false, false, false},
    {"glm4 chatglm-bpe", {CL100K(N "{1,3}")}, false, false, true},
    {"qwen2 deepseek-r1-qwen stablelm2 hunyuan solar-open megrez kormo f2llmv2 grok-2", {CL100K(N)},
        false, false, false},
    {"qwen35",
        {ENDINGS "|[^\\r\\n" LN "]?[\\p{L}\\p{M}]+|" N "| ?[^" WS "\\p{M}" LN
                 "]+[\\r\\n]*|" LINE_BREAKS "|" BLANKS},
        false, false, false},
    {"minicpm5", {N "{1,3}", CL100K(N "+")}, true, false, false},
    {"seed-coder",
        {ENDINGS "|[^\\r\\n" LN "]?" L "+|" N "| ?[^" WS LN "]+|" LINE_BREAKS "|" BLANKS}, false,
        false, false},
    {"bailingmoe bailingmoe2 llada-moe",
        {"'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\\r\\n" LN "]?" L "+|" N "| ?[^" WS LN
         "]+[\\r\\n]*|[" WS "]*[\\r\\n]|" BLANKS},
        false, false, false},
    {"laguna", {"[^\\n]+|\\n+", CL100K(N)}, false, false, false},
    {"deepseek-llm",
        {"[\\r\\n]", "[" WS "]?[" CASED_LETTERS "]+", DEEPSEEK_PUNCTUATION, TRAILING_BLANKS,
            DEEPSEEK_CJK, N "+"},
        false, false, false},
    {"deepseek-coder", {"[\\r\\n]", "[" WS "]?" L "+", "[" WS "]?\\p{P}+", DEEPSEEK_CJK, N}, false,
        false, false},
    {"deepseek-v3 hunyuan-dense joyai-llm",
        {N "{1,3}", "[\\x{4E00}-\\x{9FA5}\\x{3040}-\\x{30FF}]+", DEEPSEEK_V3_WORDS}, false, false,
        false},
    {"falcon", {"[\\p{P}$+<=>^~|`]+", GPT2, "[0-9][0-9][0-9]"}, false, false, false},
    {"starcoder refact command-r smollm codeshell exaone minerva-7b mellum2", {N, GPT2}, false,
        false, false},
    {"gpt-4o llama4 kanana2 talkie minimax-m2", {O200K(ENDINGS "?", N "{1,3}")}, false, false,
        false},
    {"tekken", {O200K("", N)}, true, true, false},
    {"bloom poro-chat gpt3-finnish", {BLOOM}, false, false, false},
    {"viking", {BLOOM, N}, false, false, false},
};

struct amphi_pretokenizer {
    const pattern_set *set;
    pcre2_code *stages[STAGES_MAX];
    size_t stages_count;
    pcre2_general_context *memory;
};

static void *pcre_alloc(size_t size, void *user)
{
    return amphi__alloc(size);
}

static void pcre_free(void *memory, void *user)
{
    amphi__free(memory);
}

static bool names_hold(const char *names, amphi_str name)
{
    amphi_str rest = amphi_str_from(names);
    while (rest.size > 0)
        if (amphi__str_equal(amphi__str_cut(rest, ' ', &rest), name))
            return true;
    return false;
}

static const pattern_set *set_of(amphi_str name)
{
    if (name.size == 0)
        return &pattern_sets[0];
    for (size_t i = 0; i < sizeof pattern_sets / sizeof pattern_sets[0]; i++)
        if (names_hold(pattern_sets[i].names, name))
            return &pattern_sets[i];
    return NULL;
}

/* The name comes from a hostile file: only printable ASCII goes into the message. */
static amphi_status fail_unknown(amphi_str name, amphi_error *error)
{
    char shown[48];
    size_t size = name.size < sizeof shown - 1 ? name.size : sizeof shown - 1;
    for (size_t i = 0; i < size; i++)
        shown[i] = name.data[i] > 0x20 && name.data[i] < 0x7F ? name.data[i] : '?';
    shown[size] = '\0';
    return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
        "the model's pre-tokenizer \"%s\" (tokenizer.ggml.pre) is not known here", shown);
}

static amphi_status compile(amphi_pretokenizer *pretokenizer, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    pcre2_compile_context *context = pcre2_compile_context_create(pretokenizer->memory);
    if (context == NULL)
        return amphi__fail_no_memory(error);
    for (size_t i = 0; i < STAGES_MAX && pretokenizer->set->stages[i] != NULL; i++) {
        int code = 0;
        PCRE2_SIZE at = 0;
        pretokenizer->stages[i] =
            pcre2_compile((PCRE2_SPTR)pretokenizer->set->stages[i], PCRE2_ZERO_TERMINATED,
                PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_NEVER_BACKSLASH_C, &code, &at, context);
        if (pretokenizer->stages[i] == NULL) {
            status = code == PCRE2_ERROR_HEAP_FAILED
                         ? amphi__fail_no_memory(error)
                         : amphi__fail(error, AMPHI_E_INTERNAL, code,
                               "pre-split pattern %zu is wrong at %zu", i, (size_t)at);
            break;
        }
        pretokenizer->stages_count = i + 1;
        /* Where the system allows no executable memory the interpreter does it. */
        (void)pcre2_jit_compile(pretokenizer->stages[i], PCRE2_JIT_COMPLETE);
    }
    pcre2_compile_context_free(context);
    return status;
}

amphi_status amphi__pretokenizer_new(amphi_pretokenizer **out, amphi_str name, amphi_error *error)
{
    *out = NULL;
    const pattern_set *set = set_of(name);
    if (set == NULL)
        return fail_unknown(name, error);
    amphi_pretokenizer *pretokenizer = amphi__calloc(1, sizeof *pretokenizer);
    if (pretokenizer == NULL)
        return amphi__fail_no_memory(error);
    amphi_status status = AMPHI_OK;
    pretokenizer->set = set;
    pretokenizer->memory = pcre2_general_context_create(pcre_alloc, pcre_free, NULL);
    if (pretokenizer->memory == NULL) {
        status = amphi__fail_no_memory(error);
        goto cleanup;
    }
    status = compile(pretokenizer, error);
    if (status != AMPHI_OK)
        goto cleanup;
    *out = pretokenizer;
    pretokenizer = NULL;
cleanup:
    amphi__pretokenizer_free(pretokenizer);
    return status;
}

void amphi__pretokenizer_free(amphi_pretokenizer *pretokenizer)
{
    if (pretokenizer == NULL)
        return;
    for (size_t i = 0; i < pretokenizer->stages_count; i++)
        pcre2_code_free(pretokenizer->stages[i]);
    if (pretokenizer->memory != NULL)
        pcre2_general_context_free(pretokenizer->memory);
    amphi__free(pretokenizer);
}

bool amphi__pretokenizer_ignores_merges(const amphi_pretokenizer *pretokenizer)
{
    return pretokenizer->set->ignores_merges;
}

bool amphi__pretokenizer_adds_bos(const amphi_pretokenizer *pretokenizer)
{
    return pretokenizer->set->adds_bos;
}

bool amphi__pretokenizer_assumes_bos(const amphi_pretokenizer *pretokenizer)
{
    return !pretokenizer->set->lacks_bos;
}

/* ---- text that is not UTF-8 ----------------------------------------------------------------- */

/* Decodes as llama.cpp does: overlong forms and surrogates count as the number they spell. 0: no
 * character starts here. */
static size_t decode_loosely(const uint8_t *bytes, size_t size, uint32_t *codepoint)
{
    static const uint32_t masks[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    size_t length = bytes[0] < 0x80   ? 1
                    : bytes[0] < 0xC0 ? 0
                    : bytes[0] < 0xE0 ? 2
                    : bytes[0] < 0xF0 ? 3
                    : bytes[0] < 0xF8 ? 4
                                      : 0;
    if (length == 0 || length > size)
        return 0;
    *codepoint = bytes[0] & masks[length];
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
        *codepoint = *codepoint << 6 | (bytes[i] & 0x3F);
    }
    return *codepoint <= 0x10FFFF ? length : 0;
}

/* The text as words will hold it. A surrogate keeps its three bytes there; `subject`, which PCRE2
 * sees, has an unassigned character of the same size in its place. */
static amphi_status repair(amphi_str text, char **out, char **subject, size_t *size)
{
    size_t used = 0;
    char *repaired = amphi__realloc_array(NULL, text.size, 3);
    char *seen = amphi__realloc_array(NULL, text.size, 3);
    *out = repaired;
    *subject = seen;
    if (repaired == NULL || seen == NULL)
        return AMPHI_E_NO_MEMORY;
    for (size_t at = 0; at < text.size;) {
        uint32_t codepoint = 0;
        size_t length = decode_loosely((const uint8_t *)text.data + at, text.size - at, &codepoint);
        if (length == 0)
            codepoint = 0xFFFD;
        at += length == 0 ? 1 : length;
        char *end = repaired + used;
        bool is_surrogate = codepoint >= 0xD800 && codepoint <= 0xDFFF;
        if (is_surrogate) {
            memcpy(end, text.data + at - 3, 3);
            memcpy(seen + used, "\xEF\xBF\xBE", 3); /* U+FFFE */
            used += 3;
            continue;
        }
        size_t written = amphi__utf8_encode(codepoint, end);
        memcpy(seen + used, end, written);
        used += written;
    }
    *size = used;
    return AMPHI_OK;
}

/* ---- splitting ------------------------------------------------------------------------------ */

typedef struct split {
    const amphi_pretokenizer *pretokenizer;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    const char *subject; /* valid UTF-8, what PCRE2 sees */
    const char *text;    /* the same size, what words hold */
    amphi_word_fn *visit;
    void *user;
} split;

/* The next match at or after `from` in subject[begin, end); false: none, or *status says why. */
static bool next_match(split *s, size_t stage, size_t begin, size_t end, size_t from,
    size_t *match_begin, size_t *match_end, amphi_status *status)
{
    const pcre2_code *code = s->pretokenizer->stages[stage];
    PCRE2_SPTR subject = (PCRE2_SPTR)(s->subject + begin);
    int rc = pcre2_match(
        code, subject, end - begin, from - begin, PCRE2_NO_UTF_CHECK, s->match, s->limits);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(code, subject, end - begin, from - begin,
            PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, s->match, s->limits);
    if (rc < 0) {
        if (rc != PCRE2_ERROR_NOMATCH)
            *status = rc == PCRE2_ERROR_NOMEMORY ? AMPHI_E_NO_MEMORY : AMPHI_E_LIMIT;
        return false;
    }
    const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(s->match);
    *match_begin = begin + offsets[0];
    *match_end = begin + offsets[1];
    return *match_end > *match_begin;
}

/* Depth is bounded by the number of stages. */
static amphi_status split_stage(split *s, size_t stage, size_t begin, size_t end)
{
    if (begin == end)
        return AMPHI_OK;
    if (stage == s->pretokenizer->stages_count)
        return s->visit(s->user, amphi_str_make(s->text + begin, end - begin));
    amphi_status status = AMPHI_OK;
    size_t from = begin;
    size_t match_begin = 0;
    size_t match_end = 0;
    while (from < end && status == AMPHI_OK &&
           next_match(s, stage, begin, end, from, &match_begin, &match_end, &status)) {
        status = split_stage(s, stage + 1, from, match_begin);
        if (status == AMPHI_OK)
            status = split_stage(s, stage + 1, match_begin, match_end);
        from = match_end;
    }
    return status == AMPHI_OK ? split_stage(s, stage + 1, from, end) : status;
}

amphi_status amphi__pretokenizer_split(
    const amphi_pretokenizer *pretokenizer, amphi_str text, amphi_word_fn *visit, void *user)
{
    if (text.size == 0)
        return AMPHI_OK;
    amphi_status status = AMPHI_OK;
    char *repaired = NULL;
    char *subject = NULL;
    pcre2_jit_stack *stack = NULL;
    split s = {pretokenizer, NULL, NULL, text.data, text.data, visit, user};
    size_t size = text.size;
    if (!amphi__utf8_is_valid(text)) {
        status = repair(text, &repaired, &subject, &size);
        s.subject = subject;
        s.text = repaired;
    }
    s.match = pcre2_match_data_create(1, pretokenizer->memory);
    s.limits = pcre2_match_context_create(pretokenizer->memory);
    if (status != AMPHI_OK || s.match == NULL || s.limits == NULL) {
        status = AMPHI_E_NO_MEMORY;
        goto cleanup;
    }
    pcre2_set_match_limit(s.limits, MATCH_STEPS_MAX);
    pcre2_set_heap_limit(s.limits, MATCH_HEAP_KIB);
    stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_BYTES, pretokenizer->memory);
    if (stack != NULL)
        pcre2_jit_stack_assign(s.limits, NULL, stack);
    status = split_stage(&s, 0, 0, size);
cleanup:
    if (stack != NULL)
        pcre2_jit_stack_free(stack);
    if (s.limits != NULL)
        pcre2_match_context_free(s.limits);
    if (s.match != NULL)
        pcre2_match_data_free(s.match);
    amphi__free(repaired);
    amphi__free(subject);
    return status;
}
