/* SPDX-License-Identifier: Apache-2.0
 *
 * What one request of the local engine and its answer may hold, wherever the engine runs. In bytes,
 * unless another unit is named.
 */
#ifndef AMPHI_LOCAL_LIMITS_H
#define AMPHI_LOCAL_LIMITS_H

#define AMPHI_LOCAL_BODY_MAX   (2u << 20)         /* request JSON */
#define AMPHI_LOCAL_PREFIX_MAX (1u << 20)         /* the answer's beginning */
#define AMPHI_LOCAL_ANSWER_MAX (16u << 20)        /* text of one answer */
#define AMPHI_LOCAL_PIECE_MAX  ((16u << 10) - 4u) /* text or JSON of one event */
#define AMPHI_LOCAL_PATH_MAX   1024               /* a file's name, with its NUL */

#define AMPHI_LOCAL_CONTEXT_DEFAULT 4096u /* tokens, where the app's options say nothing */

#endif
