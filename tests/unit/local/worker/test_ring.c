/* SPDX-License-Identifier: Apache-2.0
 *
 * The ring between parent and engine process: what goes in comes out, at every alignment and
 * through many turns; and a peer that lies about anything ends the connection, never the reader.
 */
#include "local/worker/ring.h"
#include "sdk/core/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CAPACITY = 256, BIG = 4096 };

/* Both ends of one ring, over memory of its exact size: ASan guards its borders. */
typedef struct pair {
    amphi_ring_ends *ends;
    uint8_t *data;
    amphi_ring in;  /* producer */
    amphi_ring out; /* consumer */
} pair;

static void pair_init(pair *p, uint64_t capacity)
{
    p->ends = aligned_alloc(64, sizeof *p->ends);
    p->data = malloc(capacity);
    assert_non_null(p->ends);
    assert_non_null(p->data);
    memset(p->ends, 0, sizeof *p->ends);
    memset(p->data, 0, capacity);
    amphi__ring_init(&p->in, p->ends, p->data, capacity);
    amphi__ring_init(&p->out, p->ends, p->data, capacity);
}

static void pair_clear(pair *p)
{
    free(p->ends);
    free(p->data);
}

static amphi_status put(pair *p, uint32_t kind, const void *data, size_t size)
{
    const amphi_str part = amphi_str_make(data, size);

    return amphi__ring_write(&p->in, kind, &part, 1);
}

static amphi_status get(pair *p, void *buffer, size_t capacity, uint32_t *kind, size_t *size)
{
    return amphi__ring_read(&p->out, kind, buffer, capacity, size);
}

static void ring__frames_come_out_as_they_went_in(void **state)
{
    pair p;
    char buffer[64];
    uint32_t kind = 0;
    size_t size = 0;
    const amphi_str parts[] = {AMPHI_STR("one"), AMPHI_STR(""), AMPHI_STR(" two")};

    pair_init(&p, CAPACITY);
    assert_int_equal(get(&p, buffer, sizeof buffer, &kind, &size), AMPHI_E_NOT_FOUND);
    assert_int_equal(amphi__ring_write(&p.in, 7, parts, 3), AMPHI_OK);
    assert_int_equal(amphi__ring_write(&p.in, 8, NULL, 0), AMPHI_OK);
    assert_int_equal(get(&p, buffer, sizeof buffer, &kind, &size), AMPHI_OK);
    assert_int_equal(kind, 7);
    assert_int_equal(size, 7);
    assert_memory_equal(buffer, "one two", 7);
    assert_int_equal(get(&p, buffer, sizeof buffer, &kind, &size), AMPHI_OK);
    assert_int_equal(kind, 8);
    assert_int_equal(size, 0);
    assert_int_equal(get(&p, buffer, sizeof buffer, &kind, &size), AMPHI_E_NOT_FOUND);
    pair_clear(&p);
}

static void ring__every_size_survives_every_wrap(void **state)
{
    pair p;
    uint8_t sent[CAPACITY];
    uint8_t got[CAPACITY];
    uint32_t kind = 0;
    size_t size = 0;

    pair_init(&p, CAPACITY);
    for (unsigned round = 0; round < 5000; round++) {
        size_t length = round * 37 % (CAPACITY - sizeof(amphi_ring_frame) + 1);

        for (size_t i = 0; i < length; i++)
            sent[i] = (uint8_t)(round + i * 7);
        assert_int_equal(put(&p, round, sent, length), AMPHI_OK);
        assert_int_equal(get(&p, got, sizeof got, &kind, &size), AMPHI_OK);
        assert_int_equal(kind, round);
        assert_int_equal(size, length);
        assert_memory_equal(got, sent, length);
    }
    pair_clear(&p);
}

static void ring__a_full_ring_says_busy_and_loses_nothing(void **state)
{
    pair p;
    char buffer[32];
    uint32_t kind = 0;
    size_t size = 0;
    uint32_t put_count = 0;

    pair_init(&p, CAPACITY);
    while (put(&p, put_count, "12345678", 8) == AMPHI_OK)
        put_count++;
    assert_int_equal(put_count, CAPACITY / 24);
    assert_int_equal(put(&p, 0, "12345678", 8), AMPHI_E_BUSY);
    for (uint32_t i = 0; i < put_count; i++) {
        assert_int_equal(get(&p, buffer, sizeof buffer, &kind, &size), AMPHI_OK);
        assert_int_equal(kind, i);
    }
    assert_int_equal(put(&p, 9, "12345678", 8), AMPHI_OK);
    pair_clear(&p);
}

static void ring__what_can_never_fit_is_a_limit(void **state)
{
    pair p;
    uint8_t data[CAPACITY + 8] = {0};
    const amphi_str huge[] = {
        amphi_str_make((const char *)data, SIZE_MAX / 2), amphi_str_make((const char *)data, 8)};

    pair_init(&p, CAPACITY);
    assert_int_equal(put(&p, 1, data, CAPACITY - sizeof(amphi_ring_frame)), AMPHI_OK);
    assert_int_equal(put(&p, 1, data, CAPACITY - sizeof(amphi_ring_frame) + 1), AMPHI_E_LIMIT);
    assert_int_equal(put(&p, 1, data, CAPACITY), AMPHI_E_LIMIT);
    assert_int_equal(amphi__ring_write(&p.in, 1, huge, 2), AMPHI_E_LIMIT);
    pair_clear(&p);
}

static void ring__a_frame_longer_than_the_readers_buffer_is_a_limit(void **state)
{
    pair p;
    char buffer[8];
    uint32_t kind = 0;
    size_t size = 0;

    pair_init(&p, CAPACITY);
    assert_int_equal(put(&p, 1, "123456789", 9), AMPHI_OK);
    assert_int_equal(get(&p, buffer, sizeof buffer, &kind, &size), AMPHI_E_LIMIT);
    pair_clear(&p);
}

/* A reader in front of a ring that says what the test wants. */
static amphi_status read_lie(uint64_t head, amphi_ring_frame frame)
{
    pair p;
    uint8_t buffer[CAPACITY];
    uint32_t kind = 0;
    size_t size = 0;
    amphi_status status = AMPHI_OK;

    pair_init(&p, CAPACITY);
    memcpy(p.data, &frame, sizeof frame);
    atomic_store(&p.ends->head, head);
    status = get(&p, buffer, sizeof buffer, &kind, &size);
    pair_clear(&p);
    return status;
}

static const amphi_ring_frame good = {
    .magic = AMPHI_RING_MAGIC, .sequence = 1, .kind = 5, .size = 8};

static void ring__an_impossible_head_is_refused(void **state)
{
    const uint64_t heads[] = {1, 8, 15, 17, 23, CAPACITY + 8, CAPACITY + 1, UINT64_MAX,
        UINT64_MAX - 7, (uint64_t)1 << 63, (uint64_t)1 << 32};

    assert_int_equal(read_lie(24, good), AMPHI_OK);
    assert_int_equal(read_lie(CAPACITY, good), AMPHI_OK);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        assert_int_equal(read_lie(heads[i], good), AMPHI_E_PROTOCOL);
}

static void ring__a_head_that_goes_back_is_refused(void **state)
{
    pair p;
    char buffer[32];
    uint32_t kind = 0;
    size_t size = 0;

    pair_init(&p, CAPACITY);
    assert_int_equal(put(&p, 1, "12345678", 8), AMPHI_OK);
    assert_int_equal(get(&p, buffer, sizeof buffer, &kind, &size), AMPHI_OK);
    atomic_store(&p.ends->head, 0);
    assert_int_equal(get(&p, buffer, sizeof buffer, &kind, &size), AMPHI_E_PROTOCOL);
    pair_clear(&p);
}

static void ring__every_field_of_a_frame_is_checked(void **state)
{
    const uint32_t sizes[] = {
        9, 16, CAPACITY, UINT32_MAX, UINT32_MAX - 7, UINT32_MAX - 15, 0x80000000u};
    const uint32_t sequences[] = {0, 2, UINT32_MAX};
    const uint32_t magics[] = {0, 1, UINT32_MAX, AMPHI_RING_MAGIC ^ 1};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        amphi_ring_frame frame = good;

        frame.size = sizes[i];
        assert_int_equal(read_lie(24, frame), AMPHI_E_PROTOCOL);
    }
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
        amphi_ring_frame frame = good;

        frame.sequence = sequences[i];
        assert_int_equal(read_lie(24, frame), AMPHI_E_PROTOCOL);
    }
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        amphi_ring_frame frame = good;

        frame.magic = magics[i];
        assert_int_equal(read_lie(24, frame), AMPHI_E_PROTOCOL);
    }
}

static void ring__an_impossible_tail_stops_the_writer(void **state)
{
    const uint64_t tails[] = {25, CAPACITY, UINT64_MAX, (uint64_t)1 << 63};
    pair p;

    pair_init(&p, CAPACITY);
    assert_int_equal(put(&p, 1, "12345678", 8), AMPHI_OK);
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        atomic_store(&p.ends->tail, tails[i]);
        assert_int_equal(put(&p, 1, "12345678", 8), AMPHI_E_PROTOCOL);
    }
    atomic_store(&p.ends->tail, 0);
    assert_int_equal(put(&p, 1, "12345678", 8), AMPHI_OK);
    pair_clear(&p);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13; /* xorshift, Marsaglia 2003: its low bits are as good as the others */
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void ring__random_rings_never_read_outside(void **state)
{
    uint32_t seed = 1;
    pair p;
    uint8_t buffer[64];

    pair_init(&p, CAPACITY);
    for (unsigned round = 0; round < 200000; round++) {
        uint32_t kind = 0;
        size_t size = 0;

        for (int i = 0; i < 8; i++)
            p.data[next_random(&seed) % CAPACITY] = (uint8_t)next_random(&seed);
        if (next_random(&seed) % 2 == 0) { /* a header that is nearly right, where it is read */
            amphi_ring_frame frame = {.magic = AMPHI_RING_MAGIC,
                .sequence = p.out.sequence + 1,
                .kind = next_random(&seed),
                .size = next_random(&seed) % 128};

            for (size_t i = 0; i < sizeof frame; i++)
                p.data[(p.out.position + i) % CAPACITY] = ((uint8_t *)&frame)[i];
        }
        atomic_store(&p.ends->head, p.out.position + next_random(&seed) % 40 * 8);
        if (get(&p, buffer, sizeof buffer, &kind, &size) == AMPHI_OK)
            assert_true(size <= sizeof buffer);
    }
    pair_clear(&p);
}

/* A writer in another thread that keeps changing everything while it is read. */
typedef struct liar {
    pair *p;
    atomic_bool stop;
} liar;

static void lie(void *arg)
{
    liar *l = arg;
    uint32_t seed = 99;

    while (!atomic_load(&l->stop)) {
        const amphi_ring_frame frame = {.magic = AMPHI_RING_MAGIC,
            .sequence = next_random(&seed) % 4,
            .kind = next_random(&seed),
            .size = next_random(&seed) % 2 == 0 ? 8 : UINT32_MAX};

        for (size_t i = 0; i + sizeof frame <= CAPACITY; i += 8)
            memcpy(l->p->data + i, &frame, sizeof frame);
        atomic_store(
            &l->p->ends->head, next_random(&seed) % 2 == 0 ? CAPACITY : next_random(&seed));
    }
}

static void ring__a_writer_that_changes_frames_while_they_are_read_is_harmless(void **state)
{
#ifdef __SANITIZE_THREAD__
    skip(); /* the race with a hostile peer is what is tested */
#endif
    pair p;
    liar l = {.p = &p};
    amphi_thread thread = {0};
    uint8_t buffer[16];
    unsigned accepted = 0;
    bool outside = false;

    pair_init(&p, CAPACITY);
    assert_int_equal(amphi__thread_start(&thread, "liar", lie, &l), AMPHI_OK);
    /* On a busy machine the liar may need a while to get a turn. */
    for (unsigned round = 0; round < 200000 || (accepted < 1000 && round < 1u << 30); round++) {
        uint32_t kind = 0;
        size_t size = 0;

        p.out.position = 0;
        p.out.sequence = round % 4;
        if (get(&p, buffer, sizeof buffer, &kind, &size) == AMPHI_OK) {
            accepted++;
            outside = outside || size > sizeof buffer;
        }
    }
    atomic_store(&l.stop, true);
    amphi__thread_join(&thread);
    assert_false(outside);
    assert_true(accepted > 0); /* else the test tested nothing */
    pair_clear(&p);
}

/* A real producer and a real consumer, at full speed. */
static void produce(void *arg)
{
    pair *p = arg;

    for (uint32_t i = 0; i < 100000;) {
        uint32_t words[8] = {i, i, i, i, i, i, i, i};

        i += put(p, i, words, i % 9 * 4 > sizeof words ? sizeof words : i % 9 * 4) == AMPHI_OK;
    }
}

static void ring__two_threads_pass_every_frame_in_order(void **state)
{
    pair p;
    amphi_thread thread = {0};
    uint32_t words[8];

    pair_init(&p, BIG);
    assert_int_equal(amphi__thread_start(&thread, "producer", produce, &p), AMPHI_OK);
    for (uint32_t i = 0; i < 100000;) {
        uint32_t kind = 0;
        size_t size = 0;
        amphi_status status = get(&p, words, sizeof words, &kind, &size);

        if (status == AMPHI_E_NOT_FOUND)
            continue;
        assert_int_equal(status, AMPHI_OK);
        assert_int_equal(kind, i);
        assert_int_equal(size, i % 9 * 4);
        for (size_t w = 0; w < size / 4; w++)
            assert_int_equal(words[w], i);
        i++;
    }
    amphi__thread_join(&thread);
    pair_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ring__frames_come_out_as_they_went_in),
        cmocka_unit_test(ring__every_size_survives_every_wrap),
        cmocka_unit_test(ring__a_full_ring_says_busy_and_loses_nothing),
        cmocka_unit_test(ring__what_can_never_fit_is_a_limit),
        cmocka_unit_test(ring__a_frame_longer_than_the_readers_buffer_is_a_limit),
        cmocka_unit_test(ring__an_impossible_head_is_refused),
        cmocka_unit_test(ring__a_head_that_goes_back_is_refused),
        cmocka_unit_test(ring__every_field_of_a_frame_is_checked),
        cmocka_unit_test(ring__an_impossible_tail_stops_the_writer),
        cmocka_unit_test(ring__random_rings_never_read_outside),
        cmocka_unit_test(ring__a_writer_that_changes_frames_while_they_are_read_is_harmless),
        cmocka_unit_test(ring__two_threads_pass_every_frame_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
