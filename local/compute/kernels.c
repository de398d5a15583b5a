/* SPDX-License-Identifier: Apache-2.0
 *
 * Which kernels to use on this machine. The list goes from the best to the plainest.
 */
#include "local/compute/kernels.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdatomic.h>

#ifdef AMPHI_KERNELS_AVX2
extern const amphi_kernels amphi__kernels_avx2;
#endif
#ifdef AMPHI_KERNELS_AVX512
extern const amphi_kernels amphi__kernels_avx512;
#endif

static const amphi_kernels *const tables[] = {
#ifdef AMPHI_KERNELS_AVX512
    &amphi__kernels_avx512,
#endif
#ifdef AMPHI_KERNELS_AVX2
    &amphi__kernels_avx2,
#endif
    &amphi__kernels_reference,
};

/* Asked once a process: the instruction that answers (cpuid) leaves a virtual machine, which takes
 * 20 us or more, and every request describes its engines. */
static bool is_supported(size_t table)
{
    enum { UNKNOWN, NO, YES };
    static atomic_uchar answers[sizeof tables / sizeof *tables];
    unsigned char answer = atomic_load_explicit(&answers[table], memory_order_relaxed);
    if (answer == UNKNOWN) {
        answer = tables[table]->supported() ? YES : NO;
        atomic_store_explicit(&answers[table], answer, memory_order_relaxed);
    }
    return answer == YES;
}

amphi_status amphi__kernels_choose(const amphi_kernels **out, amphi_str name, amphi_error *error)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (name.size > 0 && !amphi__str_equal_c(name, tables[i]->name))
            continue;
        if (!is_supported(i))
            continue;
        *out = tables[i];
        return AMPHI_OK;
    }
    return amphi__fail(
        error, AMPHI_E_UNSUPPORTED, 0, "kernels: this machine or build lacks the ones asked for");
}

amphi_weight_kernel amphi__kernels_for(const amphi_kernels *kernels, amphi_weight_type type)
{
    amphi_weight_kernel none = {AMPHI_ACTIVATION_F32, NULL};
    if ((uint32_t)type >= AMPHI_WEIGHT_TYPE_LIMIT)
        return none;
    if (kernels->weights[type].matmul != NULL)
        return kernels->weights[type];
    return amphi__kernels_reference.weights[type];
}

size_t amphi__activation_bytes(amphi_activation activation, size_t columns)
{
    size_t bytes = columns * sizeof(float);
    if (activation == AMPHI_ACTIVATION_Q8)
        bytes = columns / 32 * 8 + columns;
    else if (activation == AMPHI_ACTIVATION_Q8_K)
        bytes = columns / 256 * 36 + columns;
    return (bytes + 63) & ~(size_t)63;
}
