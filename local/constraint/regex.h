/* SPDX-License-Identifier: Apache-2.0
 *
 * A regular expression of JSON Schema's `pattern` as a tree over sets of characters. Understood:
 * characters, classes, . \d \w \s and their opposites, groups, alternatives, * + ? {m,n}, ^ and $
 * at the ends of the whole pattern or of its alternatives. Everything else (look-around, back
 * references, \b, \p{}) is refused. Where dialects differ (does \w mean é?) the tree holds only
 * what all of them accept.
 */
#ifndef AMPHI_CONSTRAINT_REGEX_H
#define AMPHI_CONSTRAINT_REGEX_H

#include <amphi/error.h>

#define AMPHI_REGEX_CHAR_LAST 0x10FFFFu

typedef struct amphi_char_range {
    uint32_t first, last;
} amphi_char_range;

typedef enum amphi_regex_kind {
    AMPHI_REGEX_EMPTY,
    AMPHI_REGEX_SET,
    AMPHI_REGEX_CAT,
    AMPHI_REGEX_ALT,
    AMPHI_REGEX_REPEAT
} amphi_regex_kind;

typedef struct amphi_regex_node {
    amphi_regex_kind kind;
    uint32_t a, b;        /* CAT, ALT: parts; REPEAT: a; SET: ranges from a, b of them */
    uint32_t least, most; /* REPEAT */
    uint32_t rule;        /* SET: of a grammar, made once; 0: not yet */
} amphi_regex_node;

/* Nodes come after their parts; long patterns make chains to the left, not deep trees. */
typedef struct amphi_regex {
    amphi_str text;
    size_t at;
    unsigned depth;
    amphi_regex_node *nodes;
    uint32_t nodes_count;
    amphi_char_range *ranges;
    uint32_t ranges_count;
    amphi_error *error;
    amphi_status status; /* the first failure */
} amphi_regex;

/* *root: the tree's node. Text before and behind an alternative without ^ or $ is part of the tree.
 * AMPHI_E_UNSUPPORTED with what and where, AMPHI_E_LIMIT, AMPHI_E_NO_MEMORY. Clear it also after a
 * failure. */
amphi_status amphi__regex_parse(
    amphi_regex *out, amphi_str text, uint32_t *root, amphi_error *error);
void amphi__regex_clear(amphi_regex *regex);
/* Remembers the first failure, AMPHI_E_UNSUPPORTED; returns 0. */
uint32_t amphi__regex_refuse(amphi_regex *regex, const char *what);

#endif
