/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of the looks. The form of the text (JSON, code, lists) is the same in every language
 * and comes before its words.
 */
#include "sdk/client/splice_judge.h"

#include "sdk/client/splice_words.h"

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

amphi_seam_ruling amphi__seam_judge(const amphi_seam *seam)
{
    static amphi_seam_ruling (*const looks[])(const amphi_seam *) = {amphi__seam_look_at_repeats,
        amphi__seam_look_for_address, amphi__seam_look_at_json, amphi__seam_look_at_code,
        amphi__seam_look_at_list, amphi__seam_look_at_prose};
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
