/* SPDX-License-Identifier: MIT */
#include "check/contract.h"

#include "base/message.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- planning from what will be gone --------------------------------------------------------------- */

static void scribble(float *values, size_t count)
{
    for (size_t i = 0; values && i < count; i++)
        values[i] = NAN;
    free(values);
}

static void destroy_copy(struct operands *copy, const struct oct_problem *p)
{
    for (int b = 0; b < p->bands; b++) {
        scribble(copy->bias[b], (size_t)p->oc[b]);
        for (int to = 0; to < p->bands; to++)
            scribble(copy->path[b][to], oct_path_weights(p, b, to));
    }
    memset(copy, 0xff, sizeof(*copy));
    free(copy);
}

/* NULL where `values` is, and without memory, which clears *good. */
static float *copy_values(const float *values, size_t count, bool *good)
{
    float *copy = values ? malloc(count * sizeof(*copy)) : NULL;

    if (copy)
        memcpy(copy, values, count * sizeof(*copy));
    *good &= copy || !values;
    return copy;
}

/* Weights and problem of its own; the other tensors are those of `ops`. NULL: no memory. */
static struct operands *copy_operands(const struct operands *ops)
{
    const struct oct_problem *p = &ops->problem;
    struct operands *copy = malloc(sizeof(*copy));
    bool good = copy;

    if (!copy)
        return NULL;
    *copy = *ops;
    for (int b = 0; b < p->bands; b++) {
        copy->weights.bias[b] = copy->bias[b] = copy_values(ops->bias[b], (size_t)p->oc[b], &good);
        for (int to = 0; to < p->bands; to++)
            copy->weights.path[b][to] = copy->path[b][to] =
                copy_values(ops->path[b][to], oct_path_weights(p, b, to), &good);
    }
    if (good)
        return copy;
    destroy_copy(copy, p);
    return NULL;
}

static int plan_and_forget(struct prepared *out, const struct oct_kernel *kernel, const struct operands *ops,
                           int threads, struct oct_message *msg)
{
    struct operands *copy = copy_operands(ops);
    int status;

    if (!copy)
        return message_fail(msg, OCT_NO_MEMORY, "no memory for a copy of the weights");
    msg->text[0] = '\0';
    status = prepared_make(out, kernel, copy, threads, msg);
    destroy_copy(copy, &ops->problem);
    if (status == OCT_UNSUPPORTED && !msg->text[0])
        return message_fail(msg, OCT_ERROR, "unsupported without a reason");
    return status;
}

/* ---- what a plan says of itself -------------------------------------------------------------------- */

static bool text_ends(const char *text, size_t size)
{
    return text[0] && memchr(text, '\0', size);
}

static int check_info(const struct oct_plan_info *info, int threads, struct oct_message *msg)
{
    if (info->threads != threads)
        return message_fail(msg, OCT_ERROR, "the plan's info does not name its threads");
    if (!text_ends(info->describe, sizeof(info->describe)))
        return message_fail(msg, OCT_ERROR, "the plan's info does not describe it");
    return OCT_OK;
}

static int check_profile(const struct oct_profile *profile, uint64_t ns, struct oct_message *msg)
{
    uint64_t sum = 0;

    for (int i = 0; i < profile->count; i++) {
        if (!text_ends(profile->part[i].name, sizeof(profile->part[i].name)))
            return message_fail(msg, OCT_ERROR, "a part of the profile has no name");
        sum += profile->part[i].ns;
    }
    if (profile->count == 0 || sum == 0)
        return message_fail(msg, OCT_ERROR, "the profile is empty");
    if (sum > ns)
        return message_fail(msg, OCT_ERROR, "the profile's parts take longer than the whole");
    return OCT_OK;
}

/* ---- twice ------------------------------------------------------------------------------------------- */

struct outputs {
    void *band[OCT_MAX_BANDS];
};

static void free_outputs(struct outputs *outputs)
{
    for (int b = 0; b < OCT_MAX_BANDS; b++)
        oct_free(outputs->band[b]);
}

static int keep_outputs(struct outputs *out, const struct prepared *prepared, struct oct_message *msg)
{
    for (int b = 0; b < prepared->problem.bands; b++) {
        size_t bytes = oct_tensor_bytes(&prepared->info->out[b]);

        if (!prepared->io.out[b])
            continue;
        out->band[b] = oct_alloc(bytes);
        if (!out->band[b])
            return message_fail(msg, OCT_NO_MEMORY, "no memory to keep the outputs");
        memcpy(out->band[b], prepared->io.out[b], bytes);
    }
    return OCT_OK;
}

static int check_same(const struct outputs *first, const struct prepared *prepared, struct oct_message *msg)
{
    for (int b = 0; b < prepared->problem.bands; b++) {
        size_t bytes = oct_tensor_bytes(&prepared->info->out[b]);

        if (first->band[b] && memcmp(first->band[b], prepared->io.out[b], bytes) != 0)
            return message_fail(msg, OCT_ERROR, "band %d: gave other bits the second time", b);
    }
    return OCT_OK;
}

static int verify_twice(struct prepared *prepared, const struct operands *ops, struct oct_message *msg)
{
    struct oct_profile profile = {0};
    struct outputs first = {{NULL}};
    int status = prepared_verify(prepared, ops, msg);

    if (!status)
        status = keep_outputs(&first, prepared, msg);
    if (!status) {
        prepared->io.profile = prepared->kernel->profiles ? &profile : NULL;
        status = prepared_verify(prepared, ops, msg);
        prepared->io.profile = NULL;
    }
    if (!status)
        status = check_same(&first, prepared, msg);
    if (!status && prepared->kernel->profiles)
        status = check_profile(&profile, prepared->execute_ns, msg);
    free_outputs(&first);
    return status;
}

int contract_check(struct prepared *out, const struct oct_kernel *kernel, const struct operands *ops,
                   int threads, struct oct_message *msg)
{
    int status = plan_and_forget(out, kernel, ops, threads, msg);

    if (status)
        return status;
    status = check_info(out->info, threads, msg);
    if (!status)
        status = verify_twice(out, ops, msg);
    if (status)
        prepared_free(out);
    return status;
}
