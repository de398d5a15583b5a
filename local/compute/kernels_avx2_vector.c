/* SPDX-License-Identifier: Apache-2.0
 *
 * AVX2 versions of what is done for each token: rounding activations, norms, gates, attention.
 */
#include "local/compute/kernels_avx2.h"

#include "local/compute/half.h"

#include <math.h>

INLINE float max_lanes(__m256 x)
{
    __m128 largest = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    largest = _mm_max_ps(largest, _mm_movehl_ps(largest, largest));
    return _mm_cvtss_f32(_mm_max_ss(largest, _mm_movehdup_ps(largest)));
}

/* e^x by splitting x into a power of two and a rest below ln(2)/2 (Cephes' polynomial). */
INLINE __m256 exp_lanes(__m256 x)
{
    x = _mm256_min_ps(_mm256_max_ps(x, _mm256_set1_ps(-87.3f)), _mm256_set1_ps(88.3f));
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504088896341f)),
        _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    x = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    x = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), x);
    __m256 y = _mm256_set1_ps(1.9875691500e-4f);
    y = _mm256_fmadd_ps(y, x, _mm256_set1_ps(1.3981999507e-3f));
    y = _mm256_fmadd_ps(y, x, _mm256_set1_ps(8.3334519073e-3f));
    y = _mm256_fmadd_ps(y, x, _mm256_set1_ps(4.1665795894e-2f));
    y = _mm256_fmadd_ps(y, x, _mm256_set1_ps(1.6666665459e-1f));
    y = _mm256_fmadd_ps(y, x, _mm256_set1_ps(5.0000001201e-1f));
    y = _mm256_fmadd_ps(y, _mm256_mul_ps(x, x), _mm256_add_ps(x, _mm256_set1_ps(1)));
    __m256i power =
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(y, _mm256_castsi256_ps(power));
}

INLINE __m256 load_halves(const uint16_t *halves)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)halves));
}

/* --- activations --- */

/* Like the reference, NaN counts as 0 and nothing passes +-127. */
INLINE __m256 quotients(const float *x, __m256 inverse)
{
    __m256 value = _mm256_mul_ps(_mm256_loadu_ps(x), inverse);
    value = _mm256_and_ps(value, _mm256_cmp_ps(value, value, _CMP_ORD_Q));
    value = _mm256_max_ps(value, _mm256_set1_ps(-127));
    return _mm256_min_ps(value, _mm256_set1_ps(127));
}

/* 32 values to bytes, in order. */
INLINE __m256i quantize_32(const float *x, __m256 inverse)
{
    __m256i a = _mm256_cvtps_epi32(quotients(x, inverse));
    __m256i b = _mm256_cvtps_epi32(quotients(x + 8, inverse));
    __m256i c = _mm256_cvtps_epi32(quotients(x + 16, inverse));
    __m256i d = _mm256_cvtps_epi32(quotients(x + 24, inverse));
    __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
    return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

INLINE float largest_magnitude(const float *x, size_t n)
{
    __m256 largest = _mm256_setzero_ps();
    __m256 mask = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
    for (size_t i = 0; i < n; i += 8) /* max(NaN, b) is b */
        largest = _mm256_max_ps(_mm256_and_ps(_mm256_loadu_ps(x + i), mask), largest);
    return max_lanes(largest);
}

INLINE int sum_epi32(__m256i x)
{
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    return _mm_cvtsi128_si32(sum);
}

void amphi__avx2_quantize_q8(void *out, const float *x, size_t columns)
{
    float *scales = out;
    float *sums = scales + columns / 32;
    int8_t *values = (int8_t *)(sums + columns / 32);
    for (size_t b = 0; b < columns / 32; b++, x += 32, values += 32) {
        float d = largest_magnitude(x, 32) / 127.0f;
        __m256i q = quantize_32(x, _mm256_set1_ps(d > 0 ? 1.0f / d : 0));
        _mm256_storeu_si256((__m256i *)values, q);
        __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), q);
        scales[b] = _cvtsh_ss(_cvtss_sh(d, 0));
        sums[b] = scales[b] * (float)sum_epi32(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
}

void amphi__avx2_quantize_q8_k(void *out, const float *x, size_t columns)
{
    float *scales = out;
    int16_t *sums = (int16_t *)(scales + columns / 256);
    int8_t *values = (int8_t *)(sums + columns / 16);
    for (size_t b = 0; b < columns / 256; b++) {
        float largest = largest_magnitude(x, 256);
        float inverse = largest > 0 ? 127.0f / largest : 0;
        for (int group = 0; group < 8; group++, x += 32, values += 32, sums += 2) {
            __m256i q = quantize_32(x, _mm256_set1_ps(inverse));
            _mm256_storeu_si256((__m256i *)values, q);
            __m256i quads = _mm256_madd_epi16(
                _mm256_maddubs_epi16(_mm256_set1_epi8(1), q), _mm256_set1_epi16(1));
            __m256i low = _mm256_permute2x128_si256(quads, _mm256_setzero_si256(), 0x20);
            __m256i high = _mm256_permute2x128_si256(quads, _mm256_setzero_si256(), 0x21);
            sums[0] = (int16_t)sum_epi32(low);
            sums[1] = (int16_t)sum_epi32(high);
        }
        scales[b] = inverse > 0 ? 1.0f / inverse : 0;
    }
}

/* --- per token --- */

void amphi__avx2_rmsnorm(float *out, const float *x, const float *weight, size_t n, float epsilon)
{
    __m256 squares[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256 a = _mm256_loadu_ps(x + i);
        __m256 b = _mm256_loadu_ps(x + i + 8);
        squares[0] = _mm256_fmadd_ps(a, a, squares[0]);
        squares[1] = _mm256_fmadd_ps(b, b, squares[1]);
    }
    float sum = sum_lanes(_mm256_add_ps(squares[0], squares[1]));
    for (; i < n; i++)
        sum += x[i] * x[i];
    float scale = 1.0f / sqrtf(sum / (float)n + epsilon);
    for (i = 0; i + 8 <= n; i += 8)
        _mm256_storeu_ps(
            out + i, _mm256_mul_ps(_mm256_mul_ps(_mm256_loadu_ps(x + i), _mm256_set1_ps(scale)),
                         _mm256_loadu_ps(weight + i)));
    for (; i < n; i++)
        out[i] = x[i] * scale * weight[i];
}

void amphi__avx2_add(float *x, const float *y, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(x + i, _mm256_add_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
    for (; i < n; i++)
        x[i] += y[i];
}

INLINE __m256 silu_lanes(__m256 x)
{
    __m256 one = _mm256_set1_ps(1);
    return _mm256_div_ps(x, _mm256_add_ps(one, exp_lanes(_mm256_sub_ps(_mm256_setzero_ps(), x))));
}

void amphi__avx2_swiglu(float *gate, const float *up, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(gate + i,
            _mm256_mul_ps(silu_lanes(_mm256_loadu_ps(gate + i)), _mm256_loadu_ps(up + i)));
    for (; i < n; i++)
        gate[i] = gate[i] / (1.0f + expf(-gate[i])) * up[i];
}

/* 0.5 (1 + tanh(y)) = 1 / (1 + e^(-2y)) */
INLINE __m256 gelu_lanes(__m256 x)
{
    __m256 one = _mm256_set1_ps(1);
    __m256 cubic = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_set1_ps(0.044715f), x), x, one);
    __m256 inner =
        _mm256_mul_ps(_mm256_mul_ps(_mm256_set1_ps(-2 * 0.79788456080286535588f), x), cubic);
    return _mm256_div_ps(x, _mm256_add_ps(one, exp_lanes(inner)));
}

void amphi__avx2_geglu(float *gate, const float *up, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(gate + i,
            _mm256_mul_ps(gelu_lanes(_mm256_loadu_ps(gate + i)), _mm256_loadu_ps(up + i)));
    for (; i < n; i++) {
        float x = gate[i];
        float inner = 0.79788456080286535588f * x * (1.0f + 0.044715f * x * x);
        gate[i] = 0.5f * x * (1.0f + tanhf(inner)) * up[i];
    }
}

void amphi__avx2_to_half(uint16_t *out, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((__m128i *)(out + i),
            _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
    for (; i < n; i++)
        out[i] = amphi__float_to_half(x[i]);
}

INLINE float dot_key(const float *query, const uint16_t *key, size_t n)
{
    __m256 sums[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        sums[0] = _mm256_fmadd_ps(_mm256_loadu_ps(query + i), load_halves(key + i), sums[0]);
        sums[1] =
            _mm256_fmadd_ps(_mm256_loadu_ps(query + i + 8), load_halves(key + i + 8), sums[1]);
    }
    float sum = sum_lanes(_mm256_add_ps(sums[0], sums[1]));
    for (; i < n; i++)
        sum += query[i] * half_at(key[i]);
    return sum;
}

/* Scores to e^(score - largest); returns their sum. */
INLINE float exp_scores(float *scores, size_t count, float largest)
{
    __m256 sums = _mm256_setzero_ps();
    size_t p = 0;
    for (; p + 8 <= count; p += 8) {
        __m256 weight =
            exp_lanes(_mm256_sub_ps(_mm256_loadu_ps(scores + p), _mm256_set1_ps(largest)));
        _mm256_storeu_ps(scores + p, weight);
        sums = _mm256_add_ps(sums, weight);
    }
    float total = sum_lanes(sums);
    for (; p < count; p++) {
        scores[p] = expf(scores[p] - largest);
        total += scores[p];
    }
    return total;
}

/* `vectors` times eight components of the weighted sum of values. */
INLINE void mix_values(
    const amphi_attend *job, size_t at, size_t vectors, float inverse, size_t count)
{
    __m256 sums[8];
    const uint16_t *value = job->values + job->from * job->value_size + at;
    for (size_t v = 0; v < vectors; v++)
        sums[v] = _mm256_setzero_ps();
    for (size_t p = 0; p < count; p++, value += job->value_size) {
        __m256 weight = _mm256_set1_ps(job->scores[p]);
        for (size_t v = 0; v < vectors; v++)
            sums[v] = _mm256_fmadd_ps(weight, load_halves(value + v * 8), sums[v]);
    }
    for (size_t v = 0; v < vectors; v++)
        _mm256_storeu_ps(job->out + at + v * 8, _mm256_mul_ps(sums[v], _mm256_set1_ps(inverse)));
}

void amphi__avx2_attend(const amphi_attend *job)
{
    size_t count = job->to - job->from;
    float largest = -INFINITY;
    for (size_t p = 0; p < count; p++) {
        const uint16_t *key = job->keys + (job->from + p) * job->key_size;
        float score = dot_key(job->query, key, job->key_size) * job->scale;
        job->scores[p] = score;
        largest = score > largest ? score : largest;
    }
    float inverse = 1.0f / exp_scores(job->scores, count, largest);
    size_t i = 0;
    for (; i + 64 <= job->value_size; i += 64)
        mix_values(job, i, 8, inverse, count);
    for (; i + 8 <= job->value_size; i += 8)
        mix_values(job, i, 1, inverse, count);
    for (; i < job->value_size; i++) {
        float sum = 0;
        for (size_t p = 0; p < count; p++)
            sum += job->scores[p] * half_at(job->values[(job->from + p) * job->value_size + i]);
        job->out[i] = sum * inverse;
    }
}
