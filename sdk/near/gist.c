/* SPDX-License-Identifier: Apache-2.0
 *
 * English and Chinese questions have rules of their own; of every other language only the fold's
 * freedom is used.
 */
#include "sdk/near/gist.h"

void amphi__near_gist(amphi_near_reading *reading)
{
    if (reading->is_long || reading->freedom != AMPHI_NEAR_FREE)
        return;
    amphi_near_list *list = &reading->list;
    amphi__near_drop_final_marks(list, reading->language);
    if (reading->language == AMPHI_NEAR_ENGLISH)
        amphi__near_gist_english(list);
    else if (reading->language == AMPHI_NEAR_CHINESE)
        amphi__near_gist_chinese(list);
    amphi__near_drop_final_marks(list, reading->language);
}
