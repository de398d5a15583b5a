/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of log-probabilities: writing, checking, and their JSON.
 */
#include "local/text/logprobs_record.h"

#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <math.h>

enum { HEAD_SIZE = sizeof(float) + sizeof(uint16_t) };

void amphi__logprobs_record_put(amphi_buf *record, float logprob, amphi_str text)
{
    size_t most = text.size < AMPHI_LOGPROBS_TEXT_MAX ? text.size : AMPHI_LOGPROBS_TEXT_MAX;
    uint16_t size = (uint16_t)most;
    amphi__buf_append(record, &logprob, sizeof logprob);
    amphi__buf_append(record, &size, sizeof size);
    amphi__buf_append(record, text.data, size);
}

/* Cuts the first entry off; false: there is no whole one. */
static bool take(amphi_str *record, float *logprob, amphi_str *text)
{
    uint16_t size = 0;
    if (record->size < HEAD_SIZE)
        return false;
    memcpy(logprob, record->data, sizeof *logprob);
    memcpy(&size, record->data + sizeof *logprob, sizeof size);
    if (size > record->size - HEAD_SIZE || size > AMPHI_LOGPROBS_TEXT_MAX)
        return false;
    *text = amphi__str_slice(*record, HEAD_SIZE, HEAD_SIZE + (size_t)size);
    *record = amphi__str_slice(*record, HEAD_SIZE + (size_t)size, record->size);
    return true;
}

bool amphi__logprobs_record_is_sound(amphi_str record)
{
    size_t count = 0;
    for (; record.size > 0; count++) {
        float logprob = 0;
        amphi_str text;

        if (count > AMPHI_LOGPROBS_TOP_MAX || !take(&record, &logprob, &text) ||
            !(logprob <= 0 && logprob >= AMPHI_LOGPROB_NEVER))
            return false;
    }
    return count > 0;
}

/* The members of an entry; the object is open. */
static void put_entry(amphi_json_writer *writer, float logprob, amphi_str text)
{
    amphi__json_put_str(writer, "token", text);
    amphi__json_put_number(writer, "logprob", round((double)logprob * 1e6) / 1e6);
    amphi__json_open(writer, "bytes", '[');
    for (size_t i = 0; i < text.size; i++)
        amphi__json_put_int(writer, NULL, (unsigned char)text.data[i]);
    amphi__json_close(writer, ']');
}

void amphi__logprobs_record_write(amphi_buf *out, amphi_str record)
{
    float logprob = 0;
    amphi_str text = amphi_str_make(NULL, 0);
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    if (take(&record, &logprob, &text))
        put_entry(&writer, logprob, text);
    amphi__json_open(&writer, "top_logprobs", '[');
    while (take(&record, &logprob, &text)) {
        amphi__json_open(&writer, NULL, '{');
        put_entry(&writer, logprob, text);
        amphi__json_close(&writer, '}');
    }
    amphi__json_close(&writer, ']');
    amphi__json_close(&writer, '}');
}
