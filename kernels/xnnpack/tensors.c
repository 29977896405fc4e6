/* SPDX-License-Identifier: MIT */
/* Tensors of an XNNPACK plan, and how its errors stick. */
#include "xnnpack/plan.h"

bool xnnpack_ok(struct oct_plan *plan, enum xnn_status status, const char *call)
{
    if (plan->status)
        return false;
    if (status == xnn_status_success)
        return true;
    plan->status = status == xnn_status_out_of_memory ? OCT_NO_MEMORY : OCT_ERROR;
    if (status == xnn_status_unsupported_parameter || status == xnn_status_unsupported_hardware ||
        status == xnn_status_invalid_parameter)
        plan->status = OCT_UNSUPPORTED;
    oct_fail(plan->msg, plan->status, "XNNPACK refused %s for this layer (xnn_status %d)", call, (int)status);
    return false;
}

static struct tensor tensor_of(const struct oct_problem *p, int channels, struct oct_extent e)
{
    return (struct tensor){.images = p->n * e.d, .channels = channels, .e = e};
}

int xnnpack_add_tensor(struct oct_plan *plan, int channels, struct oct_extent e)
{
    struct tensor *t = &plan->tensors[plan->ntensors];
    size_t *bytes = &plan->head.info.outside_bytes;

    *t = tensor_of(&plan->p, channels, e);
    t->offset = *bytes;
    *bytes += (size_t)t->images * e.h * e.w * channels * sizeof(float) + XNN_EXTRA_BYTES;
    *bytes = (*bytes + 63) / 64 * 64;
    return plan->ntensors++; /* MAX_TENSORS suffices for every composition */
}

void xnnpack_add_bands(struct oct_plan *plan)
{
    const struct oct_problem *p = &plan->p;

    for (int b = 0; b < p->bands; b++) {
        plan->tensors[IN + b] = tensor_of(p, p->ic[b], oct_in_extent(p, b));
        plan->tensors[OUT + b] = tensor_of(p, p->oc[b], oct_out_extent(p, b));
        plan->tensors[RESIDUAL + b] = plan->tensors[OUT + b];
    }
    plan->ntensors = OWNED;
}

/* What the library is given is not const, but it only reads sources. */
void xnnpack_place_tensors(struct oct_plan *plan, const struct oct_io *io)
{
    for (int b = 0; b < plan->p.bands; b++) {
        plan->tensors[IN + b].data = (float *)io->in[b];
        plan->tensors[OUT + b].data = io->out[b];
        plan->tensors[RESIDUAL + b].data = (float *)io->residual[b];
    }
    for (int i = OWNED; i < plan->ntensors; i++)
        plan->tensors[i].data = (float *)((char *)io->scratch + plan->tensors[i].offset);
}
