/* SPDX-License-Identifier: Apache-2.0
 *
 * A walk through one message. Unknown members and kinds of parts count by their bytes: what is in
 * the request is in the prompt, until something is known to the contrary.
 */
#include "sdk/client/message_tokens.h"

#include "sdk/core/str.h"

#define AUDIO_BYTES_PER_TOKEN 1600u /* 16,000 bytes and 10 tokens per second */
#define WAV_BYTES_PER_TOKEN   4800u
#define FILE_BYTES_PER_TOKEN  32u

/* Text is summed up before it is divided, so that many short parts count as one long one. */
typedef struct size_sum {
    uint64_t bytes;
    uint64_t tokens; /* of what is not text */
} size_sum;

static uint64_t decoded_bytes(amphi_str base64)
{
    return base64.size / 4 * 3;
}

static void add_value(size_sum *sum, const amphi_json *value)
{
    amphi_str text = amphi__json_string(value);
    sum->bytes += amphi__json_key(value).size + 4;
    if (amphi__str_starts_with(text, AMPHI_STR("data:")))
        sum->tokens += decoded_bytes(text) / FILE_BYTES_PER_TOKEN;
    else
        sum->bytes += text.size;
    for (const amphi_json *m = amphi__json_first(value); m != NULL; m = amphi__json_next(m))
        add_value(sum, m);
}

/* All members of an object but one. */
static void add_members_but(size_sum *sum, const amphi_json *object, const amphi_json *but)
{
    for (const amphi_json *m = amphi__json_first(object); m != NULL; m = amphi__json_next(m))
        if (m != but && !amphi__str_equal_c(amphi__json_key(m), "type"))
            add_value(sum, m);
}

static void add_image(size_sum *sum, const amphi_json *image)
{
    bool is_low = amphi__str_equal_c(amphi__json_string(amphi__json_get(image, "detail")), "low");
    sum->tokens += is_low ? AMPHI_IMAGE_TOKENS_LOW : AMPHI_IMAGE_TOKENS;
}

static void add_audio(size_sum *sum, const amphi_json *audio)
{
    bool is_wav = amphi__str_equal_c(amphi__json_string(amphi__json_get(audio, "format")), "wav");
    sum->tokens += decoded_bytes(amphi__json_string(amphi__json_get(audio, "data"))) /
                   (is_wav ? WAV_BYTES_PER_TOKEN : AUDIO_BYTES_PER_TOKEN);
}

static void add_file(size_sum *sum, const amphi_json *file)
{
    const amphi_json *data = amphi__json_get(file, "file_data");
    sum->tokens += decoded_bytes(amphi__json_string(data)) / FILE_BYTES_PER_TOKEN;
    add_members_but(sum, file, data);
}

static void add_part(size_sum *sum, const amphi_json *part)
{
    static const struct {
        const char *member;
        void (*add)(size_sum *sum, const amphi_json *value);
    } kinds[] = {{"image_url", add_image}, {"input_audio", add_audio}, {"file", add_file}};
    const amphi_json *text = amphi__json_get(part, "text");
    const amphi_json *known = text;
    sum->bytes += amphi__json_string(text).size;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && known == NULL; i++) {
        known = amphi__json_get(part, kinds[i].member);
        if (known != NULL)
            kinds[i].add(sum, known);
    }
    add_members_but(sum, part, known);
}

static void add_content(size_sum *sum, const amphi_json *content)
{
    sum->bytes += amphi__json_string(content).size;
    for (const amphi_json *part = amphi__json_first(content); part != NULL;
         part = amphi__json_next(part))
        add_part(sum, part);
}

static uint64_t tokens_of(const size_sum *sum)
{
    return sum->bytes / AMPHI_BYTES_PER_TOKEN + sum->tokens;
}

uint64_t amphi__message_tokens(const amphi_json *message)
{
    size_sum sum = {0, AMPHI_TOKENS_PER_MESSAGE};
    for (const amphi_json *m = amphi__json_first(message); m != NULL; m = amphi__json_next(m))
        if (amphi__str_equal_c(amphi__json_key(m), "content"))
            add_content(&sum, m);
        else if (!amphi__str_equal_c(amphi__json_key(m), "role"))
            add_value(&sum, m);
    return tokens_of(&sum);
}

uint64_t amphi__value_tokens(const amphi_json *value)
{
    size_sum sum = {0, 0};
    if (value != NULL)
        add_value(&sum, value);
    return tokens_of(&sum);
}

bool amphi__message_has_tools(const amphi_json *message)
{
    amphi_str role = amphi__json_string(amphi__json_get(message, "role"));
    return amphi__json_first(amphi__json_get(message, "tool_calls")) != NULL ||
           amphi__json_first(amphi__json_get(message, "function_call")) != NULL ||
           amphi__str_equal_c(role, "tool") || amphi__str_equal_c(role, "function");
}
