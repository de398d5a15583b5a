/* SPDX-License-Identifier: Apache-2.0
 *
 * The judge for every model: a model that is about to be wrong is, on the average, less sure of its
 * words. The numbers of the logits through a logistic function, whose weights have the signs that
 * this says and sizes by judgement: fitted to one model alone (tests/handoff/exam.py weights) they
 * got large and of mixed signs, which would not carry over to another (decision 0026). So it orders
 * the answers of one model somewhat better than chance does, and its probabilities are rough.
 */
#include "local/judge/judge.h"

#include <math.h>

/* In the order of amphi__evidence_numbers. */
static const double weights[AMPHI_EVIDENCE_NUMBERS] = {-0.6, -0.1, -0.2, 1.0, 0.0, 0.3};
static const double bias = 0.2;

static double right(const void *self, const amphi_evidence *evidence)
{
    double numbers[AMPHI_EVIDENCE_NUMBERS];
    double sum = bias;
    if (evidence->tokens == 0)
        return -1;
    amphi__evidence_numbers(evidence, numbers);
    for (size_t i = 0; i < AMPHI_EVIDENCE_NUMBERS; i++)
        sum += weights[i] * numbers[i];
    return 1 / (1 + exp(-sum));
}

amphi_judge amphi__judge_logits(void)
{
    static const amphi_judge_ops ops = {.name = "logits", .right = right};
    return (amphi_judge){.ops = &ops};
}
