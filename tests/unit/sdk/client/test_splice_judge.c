/* SPDX-License-Identifier: Apache-2.0
 *
 * The judge over the set of seams of our own (tests/seams/): half "a" it was tuned on, half "b" was
 * held back, "other" are languages that it was not tuned for. Prints the rates of both errors.
 */
#include "sdk/client/splice.h"
#include "sdk/client/splice_judge.h"
#include "sdk/core/alloc.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Of one half. */
typedef struct rates {
    size_t anew, glued; /* new answers, and those that were taken for continuations */
    size_t continues, restarts, wrong; /* continuations, those not taken for one, joined wrongly */
} rates;

/* The text that a client sees, in pieces of a token's size; NULL: the answer starts again. */
static char *join(amphi_str given, amphi_str next)
{
    amphi_splice splice;
    amphi_buf out;
    amphi_str text;
    amphi_splice_act act = AMPHI_SPLICE_HOLD;
    amphi__buf_init(&out, 0);
    amphi__buf_append_str(&out, given);
    amphi__splice_init(
        &splice, AMPHI_SPLICE_CONTINUE, given, given.size - amphi__splice_prefix(given).size);
    for (size_t at = 0; at < next.size && act < AMPHI_SPLICE_REPLACE;) {
        size_t end = at + 5 < next.size ? at + 5 : next.size;
        while (end < next.size && ((unsigned char)next.data[end] & 0xC0) == 0x80)
            end++;
        act = amphi__splice_feed(&splice, amphi__str_slice(next, at, end), &text);
        if (act == AMPHI_SPLICE_SHOW)
            amphi__buf_append_str(&out, text);
        at = end;
    }
    if (act < AMPHI_SPLICE_REPLACE)
        act = amphi__splice_end(&splice, false, &text);
    if (act == AMPHI_SPLICE_SHOW)
        amphi__buf_append_str(&out, text);
    amphi__splice_clear(&splice);
    if (act < AMPHI_SPLICE_REPLACE)
        return amphi__buf_take(&out);
    amphi__buf_clear(&out);
    return NULL;
}

static void count(rates *r, const amphi_json *seam)
{
    amphi_str whole = amphi__json_string(amphi__json_get(seam, "whole"));
    char *got = join(amphi__json_string(amphi__json_get(seam, "given")),
        amphi__json_string(amphi__json_get(seam, "next")));
    if (amphi__str_equal_c(amphi__json_string(amphi__json_get(seam, "verdict")), "anew")) {
        r->anew++;
        r->glued += got != NULL;
    } else {
        r->continues++;
        r->restarts += got == NULL;
        r->wrong += got != NULL && !amphi__str_equal_c(whole, got);
    }
    amphi__free(got);
}

static double percent(size_t part, size_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static void print(const char *name, const rates *r)
{
    printf("seams %-12s %5zu new answers, glued %.2f %%; %5zu continuations, restarted %.2f %%, "
           "joined wrongly %.2f %%\n",
        name, r->anew, percent(r->glued, r->anew), r->continues, percent(r->restarts, r->continues),
        percent(r->wrong, r->continues));
}

static const char *const odd_kinds[] = {"words-1", "words-2", "words-3", "letters-6", "letters-12",
    "letters-25", "dots", "ellipsis", "quote", "fence", "anew-small"};
enum { ODD_KINDS = sizeof odd_kinds / sizeof *odd_kinds };

/* Next servers that say more than the rest: counted by kind, and in no other rate. */
static bool count_odd(rates *kinds, const amphi_json *seam)
{
    if (amphi__json_get(seam, "odd") == NULL)
        return false;
    amphi_str kind = amphi__json_string(amphi__json_get(seam, "kind"));
    amphi_str half = amphi__json_string(amphi__json_get(seam, "half"));
    if (amphi__str_equal_c(half, "other"))
        return true;
    for (size_t i = 0; i < ODD_KINDS; i++)
        if (amphi__str_equal_c(kind, odd_kinds[i]))
            count(&kinds[i + (amphi__str_equal_c(half, "a") ? 0 : ODD_KINDS)], seam);
    return true;
}

/* What may be glued: of a repetition little; a new answer in small letters has fewer signs. */
static void check_odd(const rates *kinds)
{
    for (size_t i = 0; i < ODD_KINDS; i++) {
        const rates *a = &kinds[i];
        const rates *b = &kinds[i + ODD_KINDS];
        rates all = {a->anew + b->anew, a->glued + b->glued, a->continues + b->continues,
            a->restarts + b->restarts, a->wrong + b->wrong};
        char name[32];
        snprintf(name, sizeof name, "%s a", odd_kinds[i]);
        print(name, a);
        snprintf(name, sizeof name, "%s b", odd_kinds[i]);
        print(name, b);
        assert_true(all.anew + all.continues >= 300);
        assert_true(percent(all.wrong, all.continues) <= 5);
        assert_true(percent(all.glued, all.anew) <= 12);
    }
}

static void judge__seams_are_told_apart(void **state)
{
    rates kinds[2 * ODD_KINDS] = {{0}};
    static const char *const names[] = {"a", "b", "other"};
    rates halves[3] = {{0}};
    char *line = NULL;
    size_t capacity = 0;
    FILE *file = popen("python3 tests/seams/make_seams.py", "r");
    assert_non_null(file);
    for (ssize_t size = 0; (size = getline(&line, &capacity, file)) > 0;) {
        amphi_json *seam = NULL;
        assert_int_equal(
            amphi__json_parse(&seam, amphi_str_make(line, (size_t)size), "seam", NULL), AMPHI_OK);
        bool is_odd = count_odd(kinds, seam);
        for (size_t i = 0; i < 3 && !is_odd; i++)
            if (amphi__str_equal_c(amphi__json_string(amphi__json_get(seam, "half")), names[i]))
                count(&halves[i], seam);
        amphi__json_free(seam);
    }
    free(line);
    assert_int_equal(pclose(file), 0);
    for (size_t i = 0; i < 3; i++)
        print(names[i], &halves[i]);
    rates all = {halves[0].anew + halves[1].anew, halves[0].glued + halves[1].glued,
        halves[0].continues + halves[1].continues, halves[0].restarts + halves[1].restarts,
        halves[0].wrong + halves[1].wrong};
    print("a+b", &all);
    check_odd(kinds);
    assert_true(all.anew + all.continues >= 600);
    assert_true(percent(all.glued, all.anew) <= 0.5);
    assert_true(percent(all.restarts, all.continues) <= 10);
    assert_true(percent(all.wrong, all.continues) <= 2);
}

static void judge__says_nothing_about_an_unfinished_text(void **state)
{
    amphi_seam seam = {.before = AMPHI_STR("The capital of France is Par"), .is_all = true};
    assert_int_equal(amphi__seam_judge(&seam).verdict, AMPHI_SEAM_USELESS);
    seam.before = AMPHI_STR("The capital of France is Paris.");
    assert_int_equal(amphi__seam_judge(&seam).verdict, AMPHI_SEAM_CONTINUES);
    seam.is_all = false;
    assert_int_equal(amphi__seam_judge(&seam).verdict, AMPHI_SEAM_UNDECIDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judge__seams_are_told_apart),
        cmocka_unit_test(judge__says_nothing_about_an_unfinished_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
