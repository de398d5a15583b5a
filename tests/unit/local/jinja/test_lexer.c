/* SPDX-License-Identifier: Apache-2.0
 *
 * Where tags, comments and raw blocks begin and end, what happens to the blanks around them, and
 * what a tag's inside is cut into.
 */
#include "local/jinja/lexer.h"
#include "sdk/core/buf.h"
#include "sdk/core/str.h"
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const template_case cases[] = {
    {"{% macro m(x) -%}\n  {{ x }}\n{%- endmacro %}[{{ m(1) }}]", "[1]"},
    {"{% raw %}{{ x }}{% y %}{% endraw %}z", "{{ x }}{% y %}z"},
    {"{%- raw -%}  {{ x }}  {%- endraw -%}  z", "{{ x }}z"},
    {"{{ 'a }}", NULL},
    {"{{ @ }}", NULL},
    {"{{ a ? b }}", NULL},
    {"{# unclosed", NULL},
    {"{{ unclosed", NULL},
    {"{% unclosed", NULL},
    {"a\n{% if true %}\nb\n{% endif %}\nc", "a\nb\nc"},
    {"a\n  {% if true %}  \n  b\n  {% endif %}\nc", "a\n  \n  b\nc"},
    {"  {{ s }}\n  x", "  Hello World\n  x"},
    {"  {%+ if true %}x{% endif %}", "  x"},
    {"{% if true -%}\n  x  \n{%- endif %}\ny", "xy"},
    {"{{ s -}}   \n x", "Hello Worldx"},
    {"a   {{- s }}", "aHello World"},
    {"a {# c #}\n b", "a  b"},
    {"  {# c #}\n b", " b"},
    {"  {#- c -#}  b", "b"},
    {"a\n  {#+ c +#}\nb", "a\n  \nb"},
    {"{%+ if true +%}\nx{% endif %}", "\nx"},
    {"{% if true %}\n\nx{% endif %}\n", "\nx"},
    {"x\n", "x"},
    {"x\n\n", "x\n"},
    {"\n{% set a=1 %}\n{{a}}\n", "\n1"},
    {"a\t{% if 1 %}b{% endif %}", "a\tb"},
    {"a\n\t{% if 1 %}b{% endif %}", "a\nb"},
    {"\302\240{% if 1 %}b{% endif %}", "b"},
    {"x {%- if 1 %} b {%- endif -%} c", "x bc"},
    {"{{- ' a ' -}}", " a "},
    {"a\015\nb\015c\n{% if 1 %}\015\nx{% endif %}", "a\nb\nc\nx"},
    {"{{ 'a\\nb\\t\\\\\\'\\x41\\u00e9\\101\\q' }}", "a\nb\t\\'A\303\251A\\q"},
    {"{{ \"it's\" }}{{ 'say \"x\"' }}", "it'ssay \"x\""},
    {"{{ ['it\\'s', 'say \"x\"', 'both \\'\"', '\\n\\t\\\\', '\303\251', '\\x00\\x7f\\xa0'"
     ", '\\u200b'] }}",
        "[\"it's\", 'say \"x\"', 'both \\'\"', '\\n\\t\\\\', '\303\251', '\\x00\\x7f\\xa0', '"
        "\\u200b']"},
    {"{{ 'multi\nline' }}", "multi\nline"},
    {"{{'a'~\n'b'}}", "ab"},
    {"{% set x = {\n'a': 1,\n'b': 2\n} %}{{ x }}", "{'a': 1, 'b': 2}"},
    {"{{ [1,\n 2] }}", "[1, 2]"},
    {"{#- multi\nline -#}\n x", "x"},
    {"{{ '}}' }}{{ '%}' }}{{ '{%' }}", "}}%}{%"},
    {"{% set a = '%}' %}{{a}}", "%}"},
    {"{{ {'a':{'b':1}} }}", "{'a': {'b': 1}}"},
    {"{{{'a':1}}}", "{'a': 1}"},
    {"{{ {'a':{}}}}", "{'a': {}}"},
    {"{%if true%}x{%endif%}", "x"},
    {"{%-if true-%} x {%-endif-%}", "x"},
    {"{{s}}{{-s-}}  {{s}}", "Hello WorldHello WorldHello World"},
    {"{% for x in l -%}\n {{ x }}\n{%- endfor %}", "312"},
};

static void lexer__small_templates_agree_with_the_reference(void **state)
{
    template_check_cases(cases, sizeof cases / sizeof cases[0]);
}

/* The tokens as text: T"..." {{ }} {% %} n:name s"..." 12 1.5, and signs as they are. */
static void describe(const jinja_token *token, amphi_buf *out)
{
    static const char *const marks[] = {[JINJA_TOKEN_PRINT_BEGIN] = "{{",
        [JINJA_TOKEN_PRINT_END] = "}}",
        [JINJA_TOKEN_BLOCK_BEGIN] = "{%",
        [JINJA_TOKEN_BLOCK_END] = "%}"};
    switch (token->kind) {
    case JINJA_TOKEN_TEXT:
        amphi__buf_printf(out, "T\"%.*s\"", (int)token->text.size, token->text.data);
        break;
    case JINJA_TOKEN_STRING:
        amphi__buf_printf(out, "s\"%.*s\"", (int)token->text.size, token->text.data);
        break;
    case JINJA_TOKEN_NAME:
        amphi__buf_printf(out, "n:%.*s", (int)token->text.size, token->text.data);
        break;
    case JINJA_TOKEN_INT:
        amphi__buf_printf(out, "%lld", (long long)token->integer);
        break;
    case JINJA_TOKEN_FLOAT:
        amphi__buf_printf(out, "%g", token->number);
        break;
    case JINJA_TOKEN_SIGN:
        if (token->sign > 0xFF)
            amphi__buf_append_char(out, (char)(token->sign >> 8));
        amphi__buf_append_char(out, (char)(token->sign & 0xFF));
        break;
    default:
        amphi__buf_append_c(out, marks[token->kind]);
    }
}

static void expect_tokens(const char *source, const char *expected)
{
    jinja_arena arena;
    amphi__jinja_arena_init(&arena, 1 << 20);
    jinja_tokens tokens;
    amphi_error error = {0};
    if (amphi__jinja_lex(&tokens, &arena, amphi_str_from(source), &error) != AMPHI_OK)
        fail_msg("%s: %s", source, error.message);
    amphi_buf out;
    amphi__buf_init(&out, 0);
    for (size_t i = 0; i + 1 < tokens.count; i++) {
        if (i > 0)
            amphi__buf_append_char(&out, ' ');
        describe(&tokens.items[i], &out);
    }
    assert_int_equal(tokens.items[tokens.count - 1].kind, JINJA_TOKEN_END);
    if (!amphi__str_equal_c(amphi__buf_str(&out), expected))
        fail_msg("%s\nexpected %s\ngot %.*s", source, expected, (int)out.size, out.data);
    amphi__buf_clear(&out);
    amphi__jinja_arena_clear(&arena);
}

static void lexer__a_tags_inside_becomes_tokens(void **state)
{
    expect_tokens("", "");
    expect_tokens("plain", "T\"plain\"");
    expect_tokens("a{{ b }}c", "T\"a\" {{ n:b }} T\"c\"");
    expect_tokens("{% if x>=1 %}", "{% n:if n:x >= 1 %}");
    expect_tokens("{{ a.b[1:2]|f(x=1) }}", "{{ n:a . n:b [ 1 : 2 ] | n:f ( n:x = 1 ) }}");
    expect_tokens("{{ 2**3//4!=5<=6==7 }}", "{{ 2 ** 3 // 4 != 5 <= 6 == 7 }}");
    expect_tokens("{{ 1_000 0x1F 0o17 0b101 1.5 2e3 }}", "{{ 1000 31 15 5 1.5 2000 }}");
    expect_tokens("{{ a.0.1 }}", "{{ n:a . 0 . 1 }}"); /* two lookups, no float */
    expect_tokens("{{ 'a\\x41\\n' \"b'\" }}", "{{ s\"aA\n\" s\"b'\" }}");
    expect_tokens("{{ '}}' }}{{ {'a':1} }}", "{{ s\"}}\" }} {{ { s\"a\" : 1 } }}");
    expect_tokens("a{# {{ b }} #}c", "T\"a\" T\"c\"");
    expect_tokens("{% raw %}{{ a }}{% endraw %}", "T\"{{ a }}\"");
}

static void lexer__every_token_knows_its_line(void **state)
{
    static const uint32_t lines[] = {1, 2, 2, 3, 4, 5};
    jinja_arena arena;
    amphi__jinja_arena_init(&arena, 1 << 20);
    jinja_tokens tokens;
    assert_int_equal(
        amphi__jinja_lex(&tokens, &arena, AMPHI_STR("a\n{{ b\n+\n1\n}}"), NULL), AMPHI_OK);
    assert_int_equal(tokens.count, 7); /* text {{ b + 1 }} and the end */
    for (size_t i = 1; i < 6; i++)
        assert_int_equal(tokens.items[i].line, lines[i]);
    amphi__jinja_arena_clear(&arena);
}

static void lexer__what_is_refused_names_its_line(void **state)
{
    static const struct {
        const char *source, *what;
        amphi_status status;
    } rows[] = {{"{{ a", "line 1: a tag is not closed", AMPHI_E_FORMAT},
        {"\n{# a", "line 2: a comment is not closed", AMPHI_E_FORMAT},
        {"{% raw %}\n", "a raw block is not closed", AMPHI_E_FORMAT},
        {"{{ 'a }}", "a string is not closed", AMPHI_E_FORMAT},
        {"{{ '\\x4' }}", "malformed", AMPHI_E_FORMAT},
        {"{{ a ? b }}", "not part of the language", AMPHI_E_FORMAT},
        {"{{ (] }}", "a bracket closes", AMPHI_E_FORMAT},
        {"{{ 9223372036854775808 }}", "64 bits", AMPHI_E_FORMAT},
        {"a\xFF", "not valid UTF-8", AMPHI_E_FORMAT}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        jinja_arena arena;
        amphi__jinja_arena_init(&arena, 1 << 20);
        jinja_tokens tokens;
        amphi_error error = {0};
        assert_int_equal(amphi__jinja_lex(&tokens, &arena, amphi_str_from(rows[i].source), &error),
            rows[i].status);
        if (strstr(error.message, rows[i].what) == NULL)
            fail_msg("%s: %s", rows[i].source, error.message);
        amphi__jinja_arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lexer__small_templates_agree_with_the_reference),
        cmocka_unit_test(lexer__a_tags_inside_becomes_tokens),
        cmocka_unit_test(lexer__every_token_knows_its_line),
        cmocka_unit_test(lexer__what_is_refused_names_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
