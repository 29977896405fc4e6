/* SPDX-License-Identifier: MIT */
/* The checks that every plan passes first. */
#include "core/kernel.h"

int oct_kernel_available(const struct oct_kernel *k, struct oct_message *msg)
{
    uint32_t missing = k->isa & ~oct_cpu_usable();

    if (!missing)
        return k->available ? k->available(msg) : OCT_OK;
    return oct_fail(msg, OCT_UNSUPPORTED, "%s needs %s, which %s", k->name, oct_isa_name(missing),
                    missing & ~oct_cpu_detected() ? "this processor or system does not have"
                                                  : "the isa limit excludes");
}

static int check_weights(const struct oct_problem *p, const struct oct_weights *w, struct oct_message *msg)
{
    char name[4];

    for (int to = 0; to < p->bands; to++) {
        for (int from = 0; from < p->bands; from++)
            if (oct_path_exists(p, from, to) && !w->path[from][to])
                return oct_fail(msg, OCT_INVALID, "path %s contributes, but has no weights",
                                oct_path_name(p, from, to, name));
        if ((p->epilogue & OCT_EPILOGUE_BIAS) && p->oc[to] > 0 && !w->bias[to])
            return oct_fail(msg, OCT_INVALID, "the epilogue adds a bias, but band %d has none", to);
    }
    return OCT_OK;
}

static int check_types(const struct oct_kernel *k, const struct oct_problem *p, struct oct_message *msg)
{
    const struct oct_types *t = &p->types;

    if (t->src != t->weights || t->src != t->dst)
        return oct_fail(msg, OCT_UNSUPPORTED, "no kernel mixes element types yet (%s, %s and %s)",
                        oct_dtype_name(t->src), oct_dtype_name(t->weights), oct_dtype_name(t->dst));
    if (!(k->dtypes & 1u << t->src))
        return oct_fail(msg, OCT_UNSUPPORTED, "%s does not compute in %s", k->name, oct_dtype_name(t->src));
    if (t->acc != (t->src == OCT_S8 ? OCT_S32 : OCT_F32))
        return oct_fail(msg, OCT_UNSUPPORTED, "no kernel sums %s in %s", oct_dtype_name(t->src),
                        oct_dtype_name(t->acc));
    return OCT_OK;
}

static int check_request(const struct oct_kernel *k, const struct oct_problem *p, const struct oct_weights *w,
                         const struct oct_plan_options *options, struct oct_message *msg)
{
    int status = oct_problem_check(p, msg);

    if (status)
        return status;
    status = oct_kernel_available(k, msg);
    if (status)
        return status;
    if (options->threads < 1)
        return oct_fail(msg, OCT_INVALID, "threads is %d, but must be at least 1", options->threads);
    status = check_types(k, p, msg);
    if (status)
        return status;
    return check_weights(p, w, msg);
}

static bool has_layout(const struct oct_tensor tensor[OCT_MAX_BANDS], enum oct_layout layout)
{
    bool has = true;

    for (int b = 0; b < OCT_MAX_BANDS; b++)
        has &= layout == OCT_LAYOUT_ANY || tensor[b].c == 0 || tensor[b].layout == layout;
    return has;
}

static int check_layouts(const struct oct_kernel *k, const struct oct_plan_info *info,
                         const struct oct_plan_options *options, struct oct_message *msg)
{
    if (has_layout(info->in, options->in) && has_layout(info->out, options->out))
        return OCT_OK;
    return oct_fail(msg, OCT_UNSUPPORTED, "%s cannot read %s and write %s here", k->name,
                    oct_layout_name(options->in), oct_layout_name(options->out));
}

int oct_plan_make(struct oct_plan **out, const struct oct_kernel *k, const struct oct_problem *p,
                  const struct oct_weights *w, const struct oct_plan_options *options,
                  struct oct_message *msg)
{
    int status = check_request(k, p, w, options, msg);

    *out = NULL;
    if (status)
        return status;
    status = k->plan(out, p, w, options, msg);
    if (status)
        return status;
    status = check_layouts(k, oct_plan_info(*out), options, msg);
    if (!status)
        status = oct_plan_finish(*out, options, msg);
    if (status) {
        oct_plan_destroy(*out);
        *out = NULL;
    }
    return status;
}
