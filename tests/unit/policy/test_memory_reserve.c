/* SPDX-License-Identifier: Apache-2.0
 *
 * What must stay available: the smaller of what the share in use leaves and of what is enough.
 */
#include "policy/memory_reserve.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MIB ((uint64_t)1 << 20)

static void reserve__is_the_smaller_of_share_and_spare(void **state)
{
    static const struct {
        uint64_t total_mib;
        unsigned unload, spare;
        uint64_t reserve_mib, refused_mib;
    } cases[] = {
        {1000, 80, 10, 200, 250},       /* the share */
        {4096, 80, 10, 819, 1024},      /* likewise, on a phone */
        {8192, 80, 10, 1024, 1433},     /* 1 GiB are enough */
        {65536, 80, 10, 6553, 9830},    /* a tenth of 64 GiB is */
        {65536, 80, 1, 1024, 4300},     /* but 1 GiB at least */
        {65536, 80, 100, 13107, 16384}, /* the share alone counts */
        {65536, 50, 100, 32768, 36044}, /* likewise */
        {65536, 95, 10, 3276, 6553},    /* a looser share */
        {65536, 100, 10, 0, 3276},      /* never */
        {8192, 100, 100, 0, 409},       /* likewise */
        {512, 1, 10, 506, 506},         /* no margin under it */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_policy p;
        amphi__policy_init(&p);
        p.memory_unload_percent = (uint8_t)cases[i].unload;
        p.memory_spare_percent = (uint8_t)cases[i].spare;
        uint64_t total = cases[i].total_mib * MIB;
        uint64_t plain = amphi__memory_reserve(&p, total, false) / MIB;
        uint64_t refused = amphi__memory_reserve(&p, total, true) / MIB;
        if (plain != cases[i].reserve_mib || refused != cases[i].refused_mib)
            fail_msg(
                "%zu: %llu and %llu", i, (unsigned long long)plain, (unsigned long long)refused);
    }
}

static void reserve__never_wraps_and_never_exceeds_the_total(void **state)
{
    static const uint64_t totals[] = {0, 1, 99, 100, MIB, UINT64_MAX / 100, UINT64_MAX};
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++)
        for (unsigned percent = 1; percent <= 100; percent++)
            for (int refused = 0; refused <= 1; refused++) {
                amphi_policy p;
                amphi__policy_init(&p);
                p.memory_unload_percent = (uint8_t)percent;
                p.memory_spare_percent = (uint8_t)(101 - percent);
                uint64_t plain = amphi__memory_reserve(&p, totals[i], false);
                uint64_t reserve = amphi__memory_reserve(&p, totals[i], refused != 0);
                assert_true(plain <= reserve && reserve <= totals[i]);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reserve__is_the_smaller_of_share_and_spare),
        cmocka_unit_test(reserve__never_wraps_and_never_exceeds_the_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
