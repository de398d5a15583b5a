/* SPDX-License-Identifier: Apache-2.0
 *
 * Stacks are shared from below and each is made once (hash consing), so a thread is two numbers and
 * two positions are equal when their sorted threads are. This is the subset construction, done
 * lazily.
 */
#include "local/constraint/matcher.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"

#include <stdlib.h>

enum {
    POSITIONS_MAX = 1 << 17,
    THREADS_MAX = 1 << 22, /* of all positions */
    FRAMES_MAX = 1 << 20,
    CLOSURE_MAX = 1 << 16, /* threads followed in one step */
    MET_FIRST = 256,
    UNKNOWN = -1,
};

typedef struct thread {
    uint32_t state;
    uint32_t stack; /* frame; 0: empty */
} thread;

typedef struct frame {
    uint32_t state; /* to return to */
    uint32_t parent;
    uint32_t cost; /* of everything from that return on */
    uint32_t depth;
} frame;

typedef struct place {
    uint32_t threads_at, threads_count;
    uint32_t cost;
    uint32_t hash;
    bool may_end;
} place;

typedef struct met_thread { /* in the closure with this stamp */
    uint32_t stamp;
    thread thread;
} met_thread;

typedef struct table { /* from hash to number + 1; open addressing, grows at half */
    uint32_t *slots;
    uint32_t size;
} table;

struct amphi_matcher {
    const amphi_grammar *g;
    place *positions;
    int32_t *steps; /* positions x classes */
    uint32_t positions_count, positions_capacity;
    thread *threads;
    uint32_t threads_count, threads_capacity;
    frame *frames;
    uint32_t frames_count, frames_capacity;
    table by_threads, by_frame;
    uint8_t sample[256]; /* a byte of each class */
    uint32_t start;
    amphi_status status;
    /* one closure's working memory */
    thread *found;
    uint32_t found_count, found_capacity;
    met_thread *met; /* open addressing, grows at half */
    uint32_t met_size;
    uint32_t stamp;
    bool may_end;
    uint32_t cost;
};

/* ---- memory --------------------------------------------------------------------------------- */

static bool room(
    amphi_matcher *m, void **data, size_t size, uint32_t wanted, uint32_t *capacity, uint32_t most)
{
    if (m->status != AMPHI_OK || wanted <= *capacity)
        return m->status == AMPHI_OK;
    if (wanted > most) {
        m->status = AMPHI_E_LIMIT;
        return false;
    }
    uint32_t larger = *capacity == 0 ? 256 : *capacity;
    while (larger < wanted)
        larger *= 2;
    void *moved = amphi__realloc_array(*data, larger, size);
    if (moved == NULL) {
        m->status = AMPHI_E_NO_MEMORY;
        return false;
    }
    *data = moved;
    *capacity = larger;
    return true;
}

static uint32_t mix(uint32_t hash, uint32_t value)
{
    hash ^= value + 0x9E3779B9u + (hash << 6) + (hash >> 2);
    return hash * 0x85EBCA6Bu ^ hash >> 15;
}

/* Makes the table larger; `hash_of` knows the entries' hashes. */
static bool table_grow(amphi_matcher *m, table *t, uint32_t count,
    uint32_t (*hash_of)(const amphi_matcher *m, uint32_t id))
{
    if (count * 2 < t->size)
        return true;
    uint32_t size = t->size == 0 ? 1024 : t->size * 2;
    uint32_t *slots = amphi__calloc(size, sizeof *slots);
    if (slots == NULL) {
        m->status = AMPHI_E_NO_MEMORY;
        return false;
    }
    for (uint32_t i = 0; i < t->size; i++) {
        if (t->slots[i] == 0)
            continue;
        uint32_t at = hash_of(m, t->slots[i] - 1) & (size - 1);
        while (slots[at] != 0)
            at = (at + 1) & (size - 1);
        slots[at] = t->slots[i];
    }
    amphi__free(t->slots);
    t->slots = slots;
    t->size = size;
    return true;
}

/* ---- frames --------------------------------------------------------------------------------- */

static uint32_t frame_hash(const amphi_matcher *m, uint32_t id)
{
    return mix(mix(17, m->frames[id].state), m->frames[id].parent);
}

/* 0: it could not be made (status). */
static uint32_t push(amphi_matcher *m, uint32_t state, uint32_t parent)
{
    if (!table_grow(m, &m->by_frame, m->frames_count, frame_hash))
        return 0;
    uint32_t mask = m->by_frame.size - 1;
    uint32_t at = mix(mix(17, state), parent) & mask;
    for (; m->by_frame.slots[at] != 0; at = (at + 1) & mask) {
        const frame *f = &m->frames[m->by_frame.slots[at] - 1];
        if (f->state == state && f->parent == parent)
            return m->by_frame.slots[at] - 1;
    }
    void *data = m->frames;
    if (!room(m, &data, sizeof *m->frames, m->frames_count + 1, &m->frames_capacity, FRAMES_MAX))
        return 0;
    m->frames = data;
    uint32_t below = m->frames[parent].cost;
    uint32_t own = m->g->states[state].cost;
    bool never = own == AMPHI_COST_NEVER || below > AMPHI_COST_NEVER - 1 - own;
    m->frames[m->frames_count] =
        (frame){state, parent, never ? AMPHI_COST_NEVER : own + below, m->frames[parent].depth + 1};
    m->by_frame.slots[at] = m->frames_count + 1;
    return m->frames_count++;
}

/* ---- closures ------------------------------------------------------------------------------- */

static uint32_t thread_cost(const amphi_matcher *m, thread t)
{
    uint32_t own = m->g->states[t.state].cost;
    uint32_t below = m->frames[t.stack].cost;
    return own == AMPHI_COST_NEVER || below > AMPHI_COST_NEVER - 1 - own ? AMPHI_COST_NEVER
                                                                         : own + below;
}

static met_thread *met_slot(met_thread *slots, uint32_t size, uint32_t stamp, thread t)
{
    uint32_t at = mix(mix(29, t.state), t.stack) & (size - 1);
    while (slots[at].stamp == stamp &&
           (slots[at].thread.state != t.state || slots[at].thread.stack != t.stack))
        at = (at + 1) & (size - 1);
    return &slots[at];
}

/* Room for one more thread of this closure. */
static bool met_grow(amphi_matcher *m)
{
    if ((m->found_count + 1) * 2 <= m->met_size)
        return true;
    uint32_t size = m->met_size == 0 ? MET_FIRST : m->met_size * 2;
    met_thread *slots = amphi__calloc(size, sizeof *slots);
    if (slots == NULL) {
        m->status = AMPHI_E_NO_MEMORY;
        return false;
    }
    for (uint32_t i = 0; i < m->met_size; i++)
        if (m->met[i].stamp == m->stamp)
            *met_slot(slots, size, m->stamp, m->met[i].thread) = m->met[i];
    amphi__free(m->met);
    m->met = slots;
    m->met_size = size;
    return true;
}

/* Was this thread met in this closure? Remembers it. */
static bool met(amphi_matcher *m, thread t)
{
    met_thread *slot = met_slot(m->met, m->met_size, m->stamp, t);
    bool known = slot->stamp == m->stamp;
    *slot = (met_thread){m->stamp, t};
    return known;
}

static void begin(amphi_matcher *m)
{
    m->found_count = 0;
    m->may_end = false;
    m->cost = AMPHI_COST_NEVER;
    if (++m->stamp == 0) {
        memset(m->met, 0, sizeof *m->met * m->met_size);
        m->stamp = 1;
    }
}

/* Adds a thread to follow, unless it can't come to an end. */
static void offer(amphi_matcher *m, uint32_t state, uint32_t stack)
{
    const amphi_grammar_state *s = &m->g->states[state];
    thread t = {state, stack};
    if (m->status != AMPHI_OK || s->cost == AMPHI_COST_NEVER ||
        m->frames[stack].cost == AMPHI_COST_NEVER ||
        m->frames[stack].depth + s->height > AMPHI_GRAMMAR_DEPTH_MAX || !met_grow(m) || met(m, t))
        return;
    void *found = m->found;
    if (!room(m, &found, sizeof t, m->found_count + 1, &m->found_capacity, CLOSURE_MAX))
        return;
    m->found = found;
    m->found[m->found_count++] = t;
}

/* Follows everything that reads no byte. What stays are threads that read one. */
static void close_over(amphi_matcher *m, bool lenient)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->found_count && m->status == AMPHI_OK; i++) {
        thread t = m->found[i];
        const amphi_grammar_state *s = &m->g->states[t.state];
        switch (s->kind) {
        case AMPHI_STATE_SPLIT:
            offer(m, s->a, t.stack);
            offer(m, s->b, t.stack);
            break;
        case AMPHI_STATE_CALL:
            offer(m, m->g->rules[s->a],
                m->g->states[s->b].kind == AMPHI_STATE_RETURN ? t.stack : push(m, s->b, t.stack));
            break;
        case AMPHI_STATE_RETURN:
            if (t.stack == 0)
                m->may_end = true;
            else
                offer(m, m->frames[t.stack].state, m->frames[t.stack].parent);
            break;
        case AMPHI_STATE_BYTES:
        case AMPHI_STATE_LENIENT:
        case AMPHI_STATE_SKIP:
            break;
        default:
            continue;
        }
        if (s->kind == AMPHI_STATE_SKIP && lenient)
            offer(m, s->a, t.stack);
    }
    for (uint32_t i = 0; i < m->found_count; i++) {
        uint32_t kind = m->g->states[m->found[i].state].kind;
        if (kind != AMPHI_STATE_BYTES && kind != AMPHI_STATE_LENIENT && kind != AMPHI_STATE_SKIP)
            continue;
        uint32_t cost = thread_cost(m, m->found[i]);
        m->cost = cost < m->cost ? cost : m->cost;
        m->found[kept++] = m->found[i];
    }
    m->found_count = kept;
    m->cost = m->may_end ? 0 : m->cost;
}

/* ---- positions ------------------------------------------------------------------------------ */

static int compare_threads(const void *a, const void *b)
{
    const thread *x = a;
    const thread *y = b;
    if (x->state != y->state)
        return x->state < y->state ? -1 : 1;
    return (x->stack > y->stack) - (x->stack < y->stack);
}

static uint32_t position_hash(const amphi_matcher *m, uint32_t id)
{
    return m->positions[id].hash;
}

static uint32_t found_hash(const amphi_matcher *m)
{
    uint32_t hash = m->may_end;
    for (uint32_t i = 0; i < m->found_count; i++)
        hash = mix(mix(hash, m->found[i].state), m->found[i].stack);
    return hash;
}

static bool is_found(const amphi_matcher *m, const place *p, uint32_t hash)
{
    return p->hash == hash && p->threads_count == m->found_count && p->may_end == m->may_end &&
           (m->found_count == 0 || memcmp(m->threads + p->threads_at, m->found,
                                       m->found_count * sizeof *m->found) == 0);
}

/* The number of the position that the last closure found. */
static uint32_t name_found(amphi_matcher *m)
{
    if (m->status != AMPHI_OK || (m->found_count == 0 && !m->may_end) ||
        m->cost == AMPHI_COST_NEVER)
        return AMPHI_POSITION_NONE;
    if (m->found_count > 1)
        qsort(m->found, m->found_count, sizeof *m->found, compare_threads);
    if (!table_grow(m, &m->by_threads, m->positions_count, position_hash))
        return AMPHI_POSITION_NONE;
    uint32_t hash = found_hash(m);
    uint32_t mask = m->by_threads.size - 1;
    uint32_t at = hash & mask;
    for (; m->by_threads.slots[at] != 0; at = (at + 1) & mask)
        if (is_found(m, &m->positions[m->by_threads.slots[at] - 1], hash))
            return m->by_threads.slots[at] - 1;
    void *positions = m->positions;
    void *steps = m->steps;
    void *threads = m->threads;
    uint32_t capacity = m->positions_capacity;
    if (!room(
            m, &positions, sizeof *m->positions, m->positions_count + 1, &capacity, POSITIONS_MAX))
        return AMPHI_POSITION_NONE;
    m->positions = positions;
    if (!room(m, &steps, sizeof *m->steps * m->g->classes_count, m->positions_count + 1,
            &m->positions_capacity, POSITIONS_MAX))
        return AMPHI_POSITION_NONE;
    m->steps = steps;
    if (!room(m, &threads, sizeof *m->threads, m->threads_count + m->found_count,
            &m->threads_capacity, THREADS_MAX))
        return AMPHI_POSITION_NONE;
    m->threads = threads;
    m->positions[m->positions_count] =
        (place){m->threads_count, m->found_count, m->cost, hash, m->may_end};
    if (m->found_count > 0)
        memcpy(m->threads + m->threads_count, m->found, m->found_count * sizeof *m->found);
    m->threads_count += m->found_count;
    for (uint32_t c = 0; c < m->g->classes_count; c++)
        m->steps[(size_t)m->positions_count * m->g->classes_count + c] = UNKNOWN;
    m->by_threads.slots[at] = m->positions_count + 1;
    return m->positions_count++;
}

static uint32_t make_step(amphi_matcher *m, uint32_t from, uint8_t byte, bool lenient)
{
    const place p = m->positions[from];
    begin(m);
    if (lenient) { /* white space may be skipped or read before anything */
        for (uint32_t i = 0; i < p.threads_count; i++)
            offer(m, m->threads[p.threads_at + i].state, m->threads[p.threads_at + i].stack);
        close_over(m, true);
    }
    uint32_t count = lenient ? m->found_count : p.threads_count;
    thread *before = lenient ? m->found : m->threads + p.threads_at;
    thread *kept = lenient ? amphi__calloc(count + 1, sizeof *kept) : NULL;
    if (lenient) {
        if (kept == NULL) {
            m->status = AMPHI_E_NO_MEMORY;
            return AMPHI_POSITION_NONE;
        }
        if (count > 0)
            memcpy(kept, before, count * sizeof *kept);
        before = kept;
        begin(m);
    }
    for (uint32_t i = 0; i < count; i++) {
        const amphi_grammar_state *s = &m->g->states[before[i].state];
        bool reads = s->kind == AMPHI_STATE_BYTES || (lenient && s->kind == AMPHI_STATE_LENIENT);
        if (reads && amphi__byte_set_has(&m->g->sets[s->a], byte))
            offer(m, s->b, before[i].stack);
    }
    close_over(m, lenient);
    amphi__free(kept);
    return name_found(m);
}

/* ---- public functions ----------------------------------------------------------------------- */

static void reset(amphi_matcher *m)
{
    m->positions_count = 0;
    m->threads_count = 0;
    m->frames_count = 0;
    if (m->by_threads.slots != NULL)
        memset(m->by_threads.slots, 0, m->by_threads.size * sizeof *m->by_threads.slots);
    if (m->by_frame.slots != NULL)
        memset(m->by_frame.slots, 0, m->by_frame.size * sizeof *m->by_frame.slots);
    void *frames = m->frames;
    void *positions = m->positions;
    void *steps = m->steps;
    uint32_t capacity = m->positions_capacity;
    if (!room(m, &frames, sizeof *m->frames, 1, &m->frames_capacity, FRAMES_MAX))
        return;
    m->frames = frames;
    m->frames[m->frames_count++] = (frame){.state = 0};
    if (!room(m, &positions, sizeof *m->positions, 1, &capacity, POSITIONS_MAX))
        return;
    m->positions = positions;
    if (!room(m, &steps, sizeof *m->steps * m->g->classes_count, 1, &m->positions_capacity,
            POSITIONS_MAX))
        return;
    m->steps = steps;
    m->positions[m->positions_count++] = (place){.cost = AMPHI_COST_NEVER};
    for (uint32_t c = 0; c < m->g->classes_count; c++)
        m->steps[c] = AMPHI_POSITION_NONE;
}

amphi_status amphi__matcher_new(
    amphi_matcher **out, const amphi_grammar *grammar, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    *out = NULL;
    amphi_matcher *m = amphi__calloc(1, sizeof *m);
    if (m == NULL)
        return amphi__fail_no_memory(error);
    m->g = grammar;
    for (unsigned byte = 0; byte < 256; byte++)
        m->sample[grammar->classes[byte]] = (uint8_t)byte;
    reset(m);
    begin(m);
    offer(m, grammar->rules[0], 0);
    close_over(m, false);
    m->start = name_found(m);
    if (m->status != AMPHI_OK) {
        status =
            amphi__fail_grown(error, m->status, "the schema has too many alternatives at once");
        goto cleanup;
    }
    *out = m;
    m = NULL;
cleanup:
    amphi__matcher_free(m);
    return status;
}

void amphi__matcher_free(amphi_matcher *m)
{
    if (m == NULL)
        return;
    amphi__free(m->positions);
    amphi__free(m->steps);
    amphi__free(m->threads);
    amphi__free(m->frames);
    amphi__free(m->by_threads.slots);
    amphi__free(m->by_frame.slots);
    amphi__free(m->found);
    amphi__free(m->met);
    amphi__free(m);
}

uint32_t amphi__matcher_start(const amphi_matcher *m)
{
    return m->start;
}

uint32_t amphi__matcher_step(amphi_matcher *m, uint32_t from, uint8_t byte)
{
    size_t slot = (size_t)from * m->g->classes_count + m->g->classes[byte];
    if (m->steps[slot] != UNKNOWN)
        return (uint32_t)m->steps[slot];
    uint32_t to = make_step(m, from, m->sample[m->g->classes[byte]], false);
    m->steps[slot] = (int32_t)to;
    return to;
}

uint32_t amphi__matcher_step_lenient(amphi_matcher *m, uint32_t from, uint8_t byte)
{
    return make_step(m, from, byte, true);
}

uint32_t amphi__matcher_cost(const amphi_matcher *m, uint32_t position)
{
    return m->positions[position].cost;
}

bool amphi__matcher_may_end(const amphi_matcher *m, uint32_t position)
{
    return m->positions[position].may_end;
}

static int bytes_of(const amphi_matcher *m, uint32_t position, amphi_byte_set *all)
{
    const place *p = &m->positions[position];
    int count = 0;
    memset(all, 0, sizeof *all);
    for (uint32_t i = 0; i < p->threads_count; i++) {
        const amphi_grammar_state *s = &m->g->states[m->threads[p->threads_at + i].state];
        for (int j = 0; j < 4 && s->kind == AMPHI_STATE_BYTES; j++)
            all->bits[j] |= m->g->sets[s->a].bits[j];
    }
    for (int j = 0; j < 4; j++)
        count += __builtin_popcountll(all->bits[j]);
    return count;
}

int amphi__matcher_only(const amphi_matcher *m, uint32_t position)
{
    amphi_byte_set all;
    if (m->positions[position].may_end || bytes_of(m, position, &all) != 1)
        return -1;
    for (int j = 0; j < 4; j++)
        if (all.bits[j] != 0)
            return j * 64 + __builtin_ctzll(all.bits[j]);
    return -1;
}

bool amphi__matcher_may_go_on(const amphi_matcher *m, uint32_t position)
{
    amphi_byte_set all;
    return bytes_of(m, position, &all) > 0;
}

amphi_status amphi__matcher_status(const amphi_matcher *m)
{
    return m->status;
}

/* A stack anew, from the bottom; AMPHI_GRAMMAR_DEPTH_MAX frames at most. */
static uint32_t rebuild(amphi_matcher *m, const frame *old, uint32_t stack)
{
    uint32_t count = 0;
    uint32_t parent = 0;
    uint32_t states[AMPHI_GRAMMAR_DEPTH_MAX + 1];
    for (; stack != 0 && count <= AMPHI_GRAMMAR_DEPTH_MAX; stack = old[stack].parent)
        states[count++] = old[stack].state;
    while (count-- > 0)
        parent = push(m, states[count], parent);
    return parent;
}

uint32_t amphi__matcher_tidy(amphi_matcher *m, uint32_t from, uint32_t positions_most, bool *forgot)
{
    *forgot = false;
    if (m->positions_count < positions_most && m->threads_count < THREADS_MAX / 4)
        return from;
    place p = m->positions[from];
    thread *threads = amphi__calloc(p.threads_count + 1, sizeof *threads);
    frame *frames = amphi__calloc(m->frames_count, sizeof *frames);
    uint32_t to = from;
    if (threads != NULL && frames != NULL) {
        memcpy(threads, m->threads + p.threads_at, p.threads_count * sizeof *threads);
        memcpy(frames, m->frames, m->frames_count * sizeof *frames);
        *forgot = true;
        reset(m);
        begin(m);
        for (uint32_t i = 0; i < p.threads_count; i++)
            offer(m, threads[i].state, rebuild(m, frames, threads[i].stack));
        close_over(m, false);
        m->may_end = p.may_end;
        m->cost = p.cost;
        to = name_found(m);
    }
    amphi__free(threads);
    amphi__free(frames);
    return to;
}
