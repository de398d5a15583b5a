/* SPDX-License-Identifier: Apache-2.0
 *
 * A template's source as tokens. Whitespace control happens here, as Jinja2's lexer does it with
 * trim_blocks and lstrip_blocks on: blanks before a block tag that stands alone on its line and the
 * newline after it go; '-' takes all blanks on its side, '+' keeps them.
 */
#ifndef AMPHI_JINJA_LEXER_H
#define AMPHI_JINJA_LEXER_H

#include "local/jinja/arena.h"

#define JINJA_SOURCE_MAX ((size_t)256 << 10)

typedef enum jinja_token_kind {
    JINJA_TOKEN_END = 0,
    JINJA_TOKEN_TEXT,
    JINJA_TOKEN_PRINT_BEGIN, /* {{ */
    JINJA_TOKEN_PRINT_END,
    JINJA_TOKEN_BLOCK_BEGIN, /* {% */
    JINJA_TOKEN_BLOCK_END,
    JINJA_TOKEN_NAME,
    JINJA_TOKEN_STRING,
    JINJA_TOKEN_INT,
    JINJA_TOKEN_FLOAT,
    JINJA_TOKEN_SIGN
} jinja_token_kind;

/* A sign's code: its one character, or both of them. */
#define JINJA_SIGN(a, b) ((uint16_t)((unsigned)(a) << 8 | (unsigned)(b)))

typedef struct jinja_token {
    uint8_t kind;
    uint16_t sign;
    uint32_t line;
    amphi_str text; /* text, name, or a string's value with its escapes resolved */
    int64_t integer;
    double number;
} jinja_token;

typedef struct jinja_tokens {
    jinja_token *items; /* the last one is JINJA_TOKEN_END */
    size_t count;
    size_t capacity;
} jinja_tokens;

/* AMPHI_E_FORMAT with the line; AMPHI_E_LIMIT; AMPHI_E_NO_MEMORY. Tokens point into the arena. */
amphi_status amphi__jinja_lex(
    jinja_tokens *out, jinja_arena *arena, amphi_str source, amphi_error *error);

#endif
