/* SPDX-License-Identifier: Apache-2.0
 *
 * What one message comes to in a prompt, estimated: every member that a template or a provider
 * writes into it counts (text, parts, tool calls and their results, names, thoughts), at three
 * bytes for a token. What is not text has an estimate of its own, whatever its base64 weighs:
 *
 *     image            1,105 tokens (six tiles of 512 pixels, OpenAI's for 1,024 x 1,536);
 *                         85 with "detail":"low"
 *     audio            10 tokens per second, at 16,000 bytes per second (48,000 of wav)
 *     file, data: URL  a token for every 32 bytes (a page of a PDF is some 50 kB and 1,500 tokens)
 */
#ifndef AMPHI_CLIENT_MESSAGE_TOKENS_H
#define AMPHI_CLIENT_MESSAGE_TOKENS_H

#include "sdk/core/json.h"

/* English text has about four bytes per token; three is a safe estimate. */
#define AMPHI_BYTES_PER_TOKEN 3u
/* What a template writes around a message. */
#define AMPHI_TOKENS_PER_MESSAGE 8u
#define AMPHI_IMAGE_TOKENS       1105u
#define AMPHI_IMAGE_TOKENS_LOW   85u

/* In a message object of chat completions. */
uint64_t amphi__message_tokens(const amphi_json *message);
/* In any value that is written into the prompt as JSON: tools, a schema. */
uint64_t amphi__value_tokens(const amphi_json *value);

/* Does it call a tool, or bring a tool's result? A route without tools would leave that out. */
bool amphi__message_has_tools(const amphi_json *message);

#endif
