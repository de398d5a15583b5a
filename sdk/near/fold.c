/* SPDX-License-Identifier: Apache-2.0
 *
 * The fold: what the exact key of the response cache is made over. It is written back from the
 * tokens, so equal folds have equal tokens.
 */
#include "sdk/near/near.h"
#include "sdk/near/reading.h"

static amphi_status write_tokens(amphi_buf *out, const amphi_near_list *list)
{
    amphi_status status = AMPHI_OK;
    for (size_t i = 0; status == AMPHI_OK && i < list->count; i++) {
        const amphi_near_token *token = &list->tokens[i];
        if (i > 0 && token->blank_before)
            status = amphi__buf_append_char(out, ' ');
        if (status == AMPHI_OK)
            status = amphi__buf_append_str(out, token->folds ? token->lower : token->text);
    }
    return status;
}

amphi_status amphi__near_fold(amphi_buf *out, amphi_str text)
{
    amphi_near_reading reading;
    amphi_status status = amphi__near_read(&reading, text);
    if (status == AMPHI_OK && (reading.is_long || reading.freedom == AMPHI_NEAR_KEEP))
        status = amphi__buf_append_str(out, amphi__buf_str(&reading.text));
    else if (status == AMPHI_OK) {
        amphi__near_drop_final_marks(&reading.list, reading.language);
        status = write_tokens(out, &reading.list);
    }
    amphi__near_reading_clear(&reading);
    return status;
}
