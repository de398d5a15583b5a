/* SPDX-License-Identifier: Apache-2.0
 *
 * The bar that is drawn again and again on one line of standard error, while a model loads or is
 * quantized. Nothing is drawn where standard error is not a terminal.
 */
#include "cli.h"

#include <unistd.h>

void cli_progress_bar_draw(amphi_str label, uint32_t permille)
{
    enum { WIDTH = 30 };
    if (isatty(STDERR_FILENO) != 1)
        return;
    int full = (int)(permille * WIDTH / 1000);
    fprintf(stderr, "\r%s%.*s [%.*s%*s] %3u %%%s", cli_dim(stderr), (int)label.size, label.data,
        full, "##############################", WIDTH - full, "", permille / 10, cli_plain(stderr));
}

void cli_progress_bar_clear(void)
{
    if (isatty(STDERR_FILENO) == 1)
        fputs("\r\033[K", stderr);
}
