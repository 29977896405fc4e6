/* SPDX-License-Identifier: MIT */
/* How a primitive of the library becomes a step of the plan. */
#ifndef OCT_ONEDNN_STEPS_H
#define OCT_ONEDNN_STEPS_H

#include "onednn/plan.h"

/* What the library does to a result before it writes it, in this order. */
struct onednn_post {
    bool accumulate;
    int residual; /* tensor; 0: none */
    uint32_t activation;
};

struct onednn_post onednn_post_of(const struct oct_plan *plan, int band, struct ending ending);

/* NULL after an error. The caller destroys it. */
dnnl_primitive_attr_t onednn_make_attr(struct oct_plan *plan, struct onednn_post post);

/* An empty step of that name; NULL after an error. */
struct step *onednn_add_step(struct oct_plan *plan, const char *name);

/* A step with its primitive made from `pd` and its scratch memory; NULL after an error. */
struct step *onednn_add_primitive(struct oct_plan *plan, const char *name, const_dnnl_primitive_desc_t pd);

/* The next argument of the step; nothing where `step` is NULL. */
void onednn_add_arg(struct oct_plan *plan, struct step *step, int arg, int tensor);
void onednn_add_post_args(struct oct_plan *plan, struct step *step, struct onednn_post post);

#endif
