/* SPDX-License-Identifier: Apache-2.0
 *
 * `held` is what came in and was not released. Each feed searches for a stop string that ends at
 * one of the new bytes; without one, everything before the first place where a stop string could
 * still begin is released. Bytes at its front that were out before the first came (`shown`) are
 * only there to be compared. With 16 strings of 256 bytes at most, the plain search is fast enough
 * and easy to verify.
 */
#include "local/text/stop_strings.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

struct amphi_stop_strings {
    char *strings[AMPHI_STOP_STRINGS_MAX];
    size_t sizes[AMPHI_STOP_STRINGS_MAX];
    size_t count;
    amphi_buf held;
    size_t shown; /* of the held bytes: they are no news */
    uint64_t released;
    int which; /* -1: none yet */
};

amphi_status amphi__stop_strings_new(
    amphi_stop_strings **out, const amphi_str *strings, size_t count, amphi_error *error)
{
    *out = NULL;
    if (count > AMPHI_STOP_STRINGS_MAX)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "stop: %zu strings, more than %u", count,
            AMPHI_STOP_STRINGS_MAX);
    amphi_stop_strings *stop = amphi__calloc(1, sizeof *stop);
    if (stop == NULL)
        return amphi__fail_no_memory(error);
    amphi_status status = AMPHI_OK;
    stop->which = -1;
    amphi__buf_init(&stop->held, 0);
    for (size_t i = 0; i < count && status == AMPHI_OK; i++) {
        if (strings[i].size == 0) {
            status = amphi__fail(error, AMPHI_E_ARGUMENT, 0, "stop: string %zu is empty", i);
        } else if (strings[i].size > AMPHI_STOP_BYTES_MAX) {
            status = amphi__fail(error, AMPHI_E_LIMIT, 0, "stop: string %zu has more than %u bytes",
                i, AMPHI_STOP_BYTES_MAX);
        } else {
            stop->strings[i] = amphi__str_copy(strings[i]);
            stop->sizes[i] = strings[i].size;
            stop->count = i + 1;
            if (stop->strings[i] == NULL)
                status = amphi__fail_no_memory(error);
        }
    }
    if (status != AMPHI_OK)
        goto cleanup;
    *out = stop;
    stop = NULL;
cleanup:
    amphi__stop_strings_free(stop);
    return status;
}

void amphi__stop_strings_free(amphi_stop_strings *stop)
{
    if (stop == NULL)
        return;
    for (size_t i = 0; i < stop->count; i++)
        amphi__free(stop->strings[i]);
    amphi__buf_clear(&stop->held);
    amphi__free(stop);
}

void amphi__stop_strings_reset(amphi_stop_strings *stop)
{
    amphi__buf_reset(&stop->held);
    stop->shown = 0;
    stop->released = 0;
    stop->which = -1;
}

uint64_t amphi__stop_strings_released(const amphi_stop_strings *stop)
{
    return stop->released;
}

int amphi__stop_strings_which(const amphi_stop_strings *stop)
{
    return stop->which;
}

/* The first `size` held bytes, but for those that are out. Bytes that are no character, and at the
 * end of the text half ones, become U+FFFD. */
static amphi_status release(amphi_stop_strings *stop, size_t size, amphi_buf *out)
{
    amphi_str text = amphi__str_slice(amphi__buf_str(&stop->held), stop->shown, size);
    amphi_status status = AMPHI_OK;
    for (size_t at = 0; at < text.size && status == AMPHI_OK;) {
        uint32_t codepoint = 0;
        size_t length =
            amphi__utf8_decode(amphi_str_make(text.data + at, text.size - at), &codepoint);
        status = length > 0 ? amphi__buf_append(out, text.data + at, length)
                            : amphi__buf_append(out, "\xEF\xBF\xBD", 3);
        at += length > 0 ? length : 1;
    }
    stop->released += status == AMPHI_OK ? text.size : 0;
    return status;
}

/* The longest stop string that ends at `end`, or -1. */
static int match_ending_at(const amphi_stop_strings *stop, size_t end)
{
    int which = -1;
    for (size_t i = 0; i < stop->count; i++) {
        size_t size = stop->sizes[i];
        if (size <= end && memcmp(stop->held.data + end - size, stop->strings[i], size) == 0 &&
            (which < 0 || size > stop->sizes[which]))
            which = (int)i;
    }
    return which;
}

/* The first place from which the held text is the beginning of a stop string, or its end. */
static size_t first_open(const amphi_stop_strings *stop)
{
    size_t size = stop->held.size;
    size_t at = size > AMPHI_STOP_BYTES_MAX ? size - AMPHI_STOP_BYTES_MAX : 0;
    for (; at < size; at++) {
        for (size_t i = 0; i < stop->count; i++)
            if (stop->sizes[i] > size - at &&
                memcmp(stop->held.data + at, stop->strings[i], size - at) == 0)
                return at;
    }
    return size;
}

amphi_status amphi__stop_strings_begin_behind(amphi_stop_strings *stop, amphi_str text)
{
    size_t from = text.size > AMPHI_STOP_BYTES_MAX ? text.size - AMPHI_STOP_BYTES_MAX : 0;
    amphi_status status =
        amphi__buf_append_str(&stop->held, amphi__str_slice(text, from, text.size));
    if (status != AMPHI_OK)
        return status;
    amphi__buf_consume(&stop->held, first_open(stop));
    stop->shown = stop->held.size;
    return AMPHI_OK;
}

amphi_status amphi__stop_strings_feed(
    amphi_stop_strings *stop, amphi_str bytes, amphi_buf *out, bool *matched)
{
    *matched = stop->which >= 0;
    if (*matched || bytes.size == 0)
        return AMPHI_OK;
    size_t size_before = stop->held.size;
    amphi_status status = amphi__buf_append_str(&stop->held, bytes);
    if (status != AMPHI_OK)
        return status;
    for (size_t end = size_before + 1; end <= stop->held.size && stop->which < 0; end++) {
        stop->which = match_ending_at(stop, end);
        if (stop->which < 0)
            continue;
        *matched = true;
        size_t begin = end - stop->sizes[stop->which];
        status = release(stop, begin, out);
        amphi__buf_reset(&stop->held);
        return status;
    }
    size_t whole = amphi__utf8_complete_size(amphi_str_make(stop->held.data, first_open(stop)));
    status = release(stop, whole, out);
    if (status == AMPHI_OK) {
        amphi__buf_consume(&stop->held, whole);
        stop->shown -= whole < stop->shown ? whole : stop->shown;
    }
    return status;
}

amphi_status amphi__stop_strings_finish(amphi_stop_strings *stop, amphi_buf *out)
{
    if (stop->held.size == 0)
        return AMPHI_OK;
    amphi_status status = release(stop, stop->held.size, out);
    amphi__buf_reset(&stop->held);
    return status;
}
