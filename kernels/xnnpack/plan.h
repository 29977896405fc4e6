/* SPDX-License-Identifier: MIT */
/* What the xnnpack/ files share: the plan in the library's own types. */
#ifndef OCT_XNNPACK_PLAN_H
#define OCT_XNNPACK_PLAN_H

#include "xnnpack/xnnpack.h"

#include <xnnpack.h>

/* An operation of a composition becomes at most a convolution, and two additions or an addition and a copy,
 * and needs one tensor more than it names. The first tensors are the caller's, one of each kind per band. */
enum {
    IN = 0,
    OUT = OCT_MAX_BANDS,
    RESIDUAL = 2 * OCT_MAX_BANDS,
    OWNED = 3 * OCT_MAX_BANDS,
    MAX_TENSORS = OWNED + COMPOSITION_TENSORS + COMPOSITION_OPERATIONS,
    MAX_STEPS = 3 * COMPOSITION_OPERATIONS,
};

/* Batch and time are one: nothing here mixes points of time. */
struct tensor {
    int images, channels;
    struct oct_extent e;
    size_t offset; /* of the plan's own, in bytes from its scratch */
    float *data;   /* while it executes */
};

enum step_kind {
    STEP_CONV,
    STEP_POOL,
    STEP_ADD,           /* of equal shapes; the library would run it on one thread: an operator a thread */
    STEP_ADD_UPSAMPLED, /* dst = src + src2 upsampled by a whole factor, as a broadcast */
    STEP_UPSAMPLE,      /* our own copy, cropped: the library resizes bilinearly alone */
    STEP_CLAMP,
};

struct step {
    char name[12];
    enum step_kind kind;
    xnn_operator_t op;
    xnn_operator_t *share; /* STEP_ADD: one for each thread */
    int src, src2, dst, log2;
    const float *was_src, *was_src2, *was_dst; /* what the operator is set up for */
    uint32_t flags;                            /* of the thread pool */
};

struct oct_plan {
    struct oct_plan_head head;
    struct oct_problem p;
    const struct oct_weights *w; /* while the plan is built */
    int status;
    struct oct_message *msg; /* while the plan is built */
    pthreadpool_t pool;      /* NULL: one thread */
    struct tensor tensors[MAX_TENSORS];
    int ntensors;
    struct step steps[MAX_STEPS];
    int nsteps;
    int made[COMPOSITION_TENSORS];
};

/* True if the call succeeded and nothing failed before; else the plan has its status and message. */
bool xnnpack_ok(struct oct_plan *plan, enum xnn_status status, const char *call);

/* A tensor in the scratch, with the room that the library's reads past the end need. */
int xnnpack_add_tensor(struct oct_plan *plan, int channels, struct oct_extent e);

/* The caller's. */
void xnnpack_add_bands(struct oct_plan *plan);

/* For one execution. */
void xnnpack_place_tensors(struct oct_plan *plan, const struct oct_io *io);

/* The composition's operations as steps. */
void xnnpack_add_operations(struct oct_plan *plan, const struct composition *c);

/* Points the step's operator to the tensors' data, where it does not already. */
bool xnnpack_set_up(struct oct_plan *plan, struct step *step);
bool xnnpack_run(struct oct_plan *plan, const struct step *step);

/* Threads that run where the OpenMP team of that size does; NULL: no memory. */
pthreadpool_t xnnpack_team(int threads);

#endif
