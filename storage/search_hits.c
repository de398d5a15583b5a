/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/search_hits.h"

void amphi__search_put_hit(amphi_rows *hits, const amphi_search_snippet *snippet, int64_t id,
    amphi_str conversation_id, amphi_str title, amphi_str role, int64_t created_ms)
{
    amphi__rows_put_int(hits, id);
    amphi__rows_put_str(hits, conversation_id);
    amphi__rows_put_str(hits, title);
    amphi__rows_put_str(hits, role);
    amphi__rows_put_int(hits, created_ms);
    amphi__rows_put_str(hits, amphi__buf_str(&snippet->text));
    amphi__rows_put_int(hits, (int64_t)snippet->matches_count);
    for (size_t i = 0; i < snippet->matches_count; i++) {
        amphi__rows_put_int(hits, snippet->matches[i].offset);
        amphi__rows_put_int(hits, snippet->matches[i].size);
    }
    (void)amphi__rows_end(hits);
}

void amphi__search_visit_hits(amphi_rows *hits, amphi_search_hit_fn *visit, void *user)
{
    bool go_on = true;
    for (size_t i = 0; go_on && i < hits->count; i++) {
        amphi_text_range matches[AMPHI_SEARCH_MATCHES_MAX];
        amphi_search_hit hit;
        amphi_search_hit_init(&hit);
        hit.message_id = amphi__rows_take_int(hits);
        hit.conversation_id = amphi__rows_take_str(hits);
        hit.conversation_title = amphi__rows_take_str(hits);
        hit.role = amphi__rows_take_str(hits);
        hit.created_ms = amphi__rows_take_int(hits);
        hit.snippet = amphi__rows_take_str(hits);
        hit.matches = matches;
        hit.matches_count = (size_t)amphi__rows_take_int(hits);
        for (size_t k = 0; k < hit.matches_count; k++) {
            matches[k].offset = (uint32_t)amphi__rows_take_int(hits);
            matches[k].size = (uint32_t)amphi__rows_take_int(hits);
        }
        go_on = visit(user, &hit);
    }
}
