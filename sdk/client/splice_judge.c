/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of the looks. The form of the text (JSON, code, lists) is the same in every language
 * and comes before its words.
 */
#include "sdk/client/splice_judge.h"

#include "sdk/client/splice_words.h"
#include "sdk/core/str.h"

/* The engine said nothing, or nothing but blanks. */
static amphi_seam_ruling judge_nothing(const amphi_seam *seam)
{
    if (!seam->is_all && !seam->is_late)
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    if (!amphi__splice_is_complete(seam->before) && !seam->is_late) {
        amphi_seam with_end = *seam;
        with_end.after = AMPHI_STR("");
        amphi_seam_ruling form = amphi__seam_look_at_json(&with_end);
        if (form.verdict == AMPHI_SEAM_NONE)
            form = amphi__seam_look_at_code(&with_end);
        if (form.verdict != AMPHI_SEAM_CONTINUES)
            return amphi__seam_doubt("it added nothing");
    }
    return amphi__seam_rule(AMPHI_SEAM_CONTINUES, NULL);
}

/* Dots in front of the rest stand for what was said before, or are the text's own: in doubt. */
static amphi_seam_ruling look_at_dots(const amphi_seam *seam)
{
    size_t blanks = amphi__splice_blanks(seam->after);
    amphi_str text = amphi__str_slice(seam->after, blanks, seam->after.size);
    bool may_come = text.size < 3 && (amphi__str_starts_with(AMPHI_STR("..."), text) ||
                                         amphi__str_starts_with(AMPHI_STR("\xE2\x80\xA6"), text));
    if (may_come && !seam->is_all && !seam->is_late)
        return amphi__seam_rule(AMPHI_SEAM_UNDECIDED, NULL);
    bool has_dots = amphi__str_starts_with(text, AMPHI_STR("...")) ||
                    amphi__str_starts_with(text, AMPHI_STR("\xE2\x80\xA6"));
    return has_dots && !seam->is_known ? amphi__seam_doubt("it began with dots")
                                       : amphi__seam_rule(AMPHI_SEAM_NONE, NULL);
}

amphi_seam_ruling amphi__seam_judge(const amphi_seam *seam)
{
    static amphi_seam_ruling (*const looks[])(const amphi_seam *) = {amphi__seam_look_at_repeats,
        look_at_dots, amphi__seam_look_for_address, amphi__seam_look_at_json,
        amphi__seam_look_at_code, amphi__seam_look_at_list, amphi__seam_look_at_prose};
    if (amphi__splice_blanks(seam->after) == seam->after.size)
        return judge_nothing(seam);
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        amphi_seam_ruling ruling = looks[i](seam);
        if (ruling.verdict == AMPHI_SEAM_UNDECIDED && (seam->is_late || seam->is_all))
            ruling = amphi__seam_doubt("it could not be seen that it goes on");
        if (ruling.verdict != AMPHI_SEAM_NONE)
            return ruling;
    }
    return amphi__seam_doubt("it could not be seen that it goes on");
}
