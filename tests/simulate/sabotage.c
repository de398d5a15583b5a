/* SPDX-License-Identifier: Apache-2.0
 *
 * Faults that the client can't be without an invariant breaking: each is to be found, or the
 * simulation looks at nothing. They sit in the store, as a wrapper of its table, and in the model.
 */
#include "tests/simulate/world.h"

#include <string.h>

static const char *const names[SIM_SABOTAGES] = {"none", "privacy", "loss", "twice", "hole"};

static amphi_store_ops inner_ops, ops;

sim_sabotage sim_sabotage_parse(const char *name)
{
    int i = 0;
    while (i < SIM_SABOTAGES && strcmp(name, names[i]) != 0)
        i++;
    return (sim_sabotage)i;
}

typedef struct relay {
    amphi_store_row_fn *visit;
    void *user;
} relay;

static bool hide_privacy(void *user, const amphi_store_row *row)
{
    const relay *to = user;
    amphi_store_row hidden = *row;
    hidden.privacy = AMPHI_PRIVACY_NONE;
    return to->visit(to->user, &hidden);
}

static amphi_status rows(void *self, const amphi_store_row_query *query, amphi_store_row_fn *visit,
    void *user, amphi_error *error)
{
    relay to = {visit, user};
    return inner_ops.rows(self, query, hide_privacy, &to, error);
}

static amphi_status forget_turn(void *self, const amphi_store_turn *turn, amphi_error *error)
{
    return sim_chance(5) ? AMPHI_OK : inner_ops.turn_append(self, turn, error);
}

static amphi_status append_twice(void *self, const amphi_store_turn *turn, amphi_error *error)
{
    amphi_store_turn again = *turn;
    if (sim_chance(5) && turn->outbox_id.size == 0)
        (void)inner_ops.turn_append(self, &again, NULL);
    return inner_ops.turn_append(self, turn, error);
}

void sim_sabotage_store(sim_world *w)
{
    inner_ops = ops = *w->store.ops;
    if (w->sabotage == SIM_SABOTAGE_PRIVACY)
        ops.rows = rows;
    if (w->sabotage == SIM_SABOTAGE_LOSS)
        ops.turn_append = forget_turn;
    if (w->sabotage == SIM_SABOTAGE_TWICE)
        ops.turn_append = append_twice;
    w->store.ops = &ops;
}
