/* SPDX-License-Identifier: MIT */
/* Which events can be had here, and what came of them. Everything the system says comes through
 * counters_seam.h. */
#include "counters/counters_internal.h"
#include "base/message.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Raw events of the config are cut into passes of so many: what the smallest PMUs hold at once. */
#define RAW_PER_PASS 4

const char *counter_how_name(enum counter_how how)
{
    static const char *const names[] = {"unavailable", "measured", "scaled", "derived"};

    return names[how];
}

/* ---- what can be counted --------------------------------------------------------------------------- */

void counter_unavailable(struct counter_value *v, const char *reason)
{
    v->how = COUNTER_UNAVAILABLE;
    v->total = v->running_ratio = NAN;
    if (reason != v->reason)
        snprintf(v->reason, sizeof(v->reason), "%s", reason);
}

void counter_explain_errno(const struct counter_system *system, int error, char *out, size_t size)
{
    switch (error) {
    case EACCES:
    case EPERM:
        if (system->paranoid > 2 || system->paranoid < 0)
            snprintf(out, size, "forbidden: perf_event_paranoid is %d, or a container's filter",
                     system->paranoid);
        else
            snprintf(out, size, "forbidden although perf_event_paranoid is %d: a container's filter?",
                     system->paranoid);
        return;
    case ENOENT:
    case ENODEV:
    case EOPNOTSUPP:
        snprintf(out, size, "this machine, or its hypervisor, offers no such counter");
        return;
    case EINVAL:
        snprintf(out, size, "the kernel refuses this event");
        return;
    case EMFILE:
    case ENFILE:
        snprintf(out, size, "out of file descriptors: raise ulimit -n");
        return;
    case EBUSY:
        snprintf(out, size, "another user holds the counters");
        return;
    case ENOSYS:
        snprintf(out, size, "the kernel has no perf_event_open");
        return;
    default:
        snprintf(out, size, "%s", strerror(error));
    }
}

/* Tries to open the event once in this thread. Leaves out the kernel's side only where it must. */
static int probe(const struct counter_system *system, struct counter_code *code, char *reason, size_t size)
{
    int fd = system->open(system->context, code);

    if (fd == -EACCES || fd == -EPERM) {
        if (code->kernel_only) {
            snprintf(reason, size, "happens in the kernel, which perf_event_paranoid %d hides",
                     system->paranoid);
            return -1;
        }
        code->exclude_kernel = true;
        fd = system->open(system->context, code);
    }
    if (fd < 0) {
        counter_explain_errno(system, -fd, reason, size);
        return -1;
    }
    system->close(system->context, fd);
    return 0;
}

static bool own_source(const char *text, enum counter_source *out)
{
    static const struct {
        const char *name;
        enum counter_source source;
    } rows[] = {
        {"@task_clock", SOURCE_TASK_CLOCK},
        {"@page_faults", SOURCE_PAGE_FAULTS},
        {"@context_switches", SOURCE_CONTEXT_SWITCHES},
        {"@steal", SOURCE_STEAL},
        {"@chain_ghz", SOURCE_CHAIN_GHZ},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, text) == 0) {
            *out = rows[i].source;
            return true;
        }
    }
    return false;
}

/* One alternative. False with the reason where it cannot be had here. */
static bool resolve(const struct counter_system *system, const char *text, struct event *e, char *reason,
                    size_t size)
{
    memset(&e->code, 0, sizeof(e->code));
    e->source = SOURCE_PERF;
    if (text[0] != '@')
        return system->encode(system->context, text, &e->code, reason, size) == 0 &&
               probe(system, &e->code, reason, size) == 0;
    if (!own_source(text, &e->source)) {
        snprintf(reason, size, "there is no built-in %s", text);
        return false;
    }
    if (isnan(system->own(system->context, e->source))) {
        snprintf(reason, size, "the system does not tell");
        return false;
    }
    return true;
}

/* Does the group describe this processor by name anywhere? Then what lacks a line for it is left out. */
static bool knows_pmu(const struct counter_group *g, const char *pmu)
{
    for (int i = 0; i < g->events; i++)
        if (pmu && strcmp(g->event[i].pmu, "*") != 0 && counter_pmu_matches(g->event[i].pmu, pmu))
            return true;
    return false;
}

static bool has_line(const struct group_line *lines, int count, const char *name, const char *pmu)
{
    for (int i = 0; i < count; i++)
        if (strcmp(lines[i].name, name) == 0 && counter_pmu_matches(lines[i].pmu, pmu))
            return true;
    return false;
}

static bool has_name(const struct group_line *lines, int before, const char *name)
{
    for (int i = 0; i < before; i++)
        if (strcmp(lines[i].name, name) == 0)
            return true;
    return false;
}

static void add_event(struct counters *c, struct pass *p, const struct counter_group *g, int first)
{
    struct event *e = &p->event[p->events];
    struct counter_value *v = &p->value[p->events];
    const char *name = g->event[first].name;
    char reason[96] = "not described for this processor";

    snprintf(e->name, sizeof(e->name), "%s", name);
    snprintf(v->name, sizeof(v->name), "%s", name);
    for (int i = first; i < g->events && !e->usable; i++)
        if (strcmp(g->event[i].name, name) == 0 && counter_pmu_matches(g->event[i].pmu, c->system->pmu))
            e->usable = resolve(c->system, g->event[i].text, e, reason, sizeof(reason));
    counter_unavailable(v, e->usable ? "not run yet" : reason);
    p->events++;
}

static int add_group(struct counters *c, struct pass *p, const struct counter_group *g,
                     struct oct_message *msg)
{
    const char *pmu = c->system->pmu;
    bool known = knows_pmu(g, pmu);

    snprintf(p->group, sizeof(p->group), "%s", g->name);
    for (int i = 0; i < g->events; i++) {
        const char *name = g->event[i].name;
        if (has_name(g->event, i, name) || (known && !has_line(g->event, g->events, name, pmu)))
            continue;
        if (p->events == MAX_EVENTS)
            return message_fail(msg, OCT_INVALID, "counter group %s has more than %d events", g->name,
                                MAX_EVENTS);
        add_event(c, p, g, i);
    }
    for (int i = 0; i < g->metrics; i++) {
        const struct group_line *m = &g->metric[i];
        if (!counter_pmu_matches(m->pmu, pmu) || has_name(p->metric, p->metrics, m->name))
            continue;
        if (p->metrics == MAX_EVENTS)
            return message_fail(msg, OCT_INVALID, "counter group %s has more than %d metrics", g->name,
                                MAX_EVENTS);
        struct counter_value *v = &p->value[p->events + p->metrics];
        snprintf(v->name, sizeof(v->name), "%s", m->name);
        counter_unavailable(v, "not run yet");
        p->metric[p->metrics++] = *m;
    }
    return OCT_OK;
}

/* A raw event that libpfm4 does not know is the user's mistake; one that this machine lacks is not. */
static int add_raw(struct counters *c, const struct counter_settings *settings, struct oct_message *msg)
{
    for (int i = 0; i < settings->events; i++) {
        struct pass *p = &c->pass[c->passes];
        struct event *e = &p->event[p->events];
        struct counter_value *v = &p->value[p->events];
        char reason[96] = "";

        snprintf(p->group, sizeof(p->group), "raw");
        snprintf(e->name, sizeof(e->name), "%s", settings->event[i]);
        snprintf(v->name, sizeof(v->name), "%s", settings->event[i]);
        int status =
            c->system->encode(c->system->context, settings->event[i], &e->code, reason, sizeof(reason));
        if (status == OCT_INVALID)
            return message_fail(msg, OCT_INVALID, "counter event '%s': %s", settings->event[i], reason);
        e->usable = status == 0 && probe(c->system, &e->code, reason, sizeof(reason)) == 0;
        counter_unavailable(v, e->usable ? "not run yet" : reason);
        p->events++;
        if (p->events == RAW_PER_PASS || i + 1 == settings->events)
            c->passes++;
    }
    return OCT_OK;
}

/* Values by name: groups may share events, and a name is shown once. */
static int collect_names(struct counters *c, struct oct_message *msg)
{
    size_t room = (size_t)c->passes * 2 * MAX_EVENTS;

    c->values = calloc(room ? room : 1, sizeof(*c->values));
    if (!c->values)
        return message_fail(msg, OCT_NO_MEMORY, "no memory for counters");
    for (int i = 0; i < c->passes; i++) {
        const struct pass *p = &c->pass[i];
        for (int k = 0; k < p->events + p->metrics; k++) {
            size_t j = 0;
            while (j < c->count && strcmp(c->values[j].name, p->value[k].name) != 0)
                j++;
            if (j == c->count)
                c->values[c->count++] = p->value[k];
        }
    }
    return OCT_OK;
}

struct counters *counters_open_on(const struct counter_system *system,
                                  const struct counter_settings *settings, struct oct_message *msg)
{
    struct counter_group *group = malloc(sizeof(*group));
    struct counters *c = calloc(1, sizeof(*c));
    int status = OCT_OK;

    if (!c || !group)
        goto no_memory;
    c->system = system;
    c->required = settings->required;
    c->scale = settings->scale;
    c->macs = NAN;
    c->pass = calloc((size_t)(settings->groups + settings->events) + 1, sizeof(*c->pass));
    if (!c->pass)
        goto no_memory;
    for (int i = 0; i < settings->groups && status == OCT_OK; i++) {
        status = counter_group_load(group, settings->group[i], msg);
        if (status == OCT_OK)
            status = add_group(c, &c->pass[c->passes++], group, msg);
    }
    if (status == OCT_OK)
        status = add_raw(c, settings, msg);
    if (status == OCT_OK)
        status = collect_names(c, msg);
    if (status != OCT_OK)
        goto fail;
    free(group);
    return c;
no_memory:
    message_fail(msg, OCT_NO_MEMORY, "no memory for counters");
fail:
    free(group);
    counters_close(c);
    return NULL;
}

struct counters *counters_open(const struct counter_settings *settings, struct oct_message *msg)
{
    struct counters *c = counters_open_on(counter_system_real(), settings, msg);

    if (c)
        counters_explain(c, stderr);
    return c;
}

void counters_close(struct counters *c)
{
    if (!c)
        return;
    free(c->cells);
    free(c->values);
    free(c->pass);
    free(c);
}

int counters_passes(const struct counters *c)
{
    return c->passes;
}

/* ---- what is missing ------------------------------------------------------------------------------- */

void counters_explain(const struct counters *c, FILE *out)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct counter_value *v = &c->values[i];
        bool said = false, metric = strcmp(v->reason, "not run yet") == 0;

        for (size_t j = 0; j < i && !said; j++)
            said = strcmp(c->values[j].reason, v->reason) == 0;
        if (said || metric)
            continue;
        fprintf(out, "octbench: not counted: %s", v->name);
        for (size_t j = i + 1; j < c->count; j++)
            if (strcmp(c->values[j].reason, v->reason) == 0)
                fprintf(out, ", %s", c->values[j].name);
        fprintf(out, " (%s)\n", v->reason);
    }
}

int counters_missing(const struct counters *c, char *reason, size_t size)
{
    if (!c->required)
        return 0;
    for (int i = 0; i < c->passes; i++) {
        const struct pass *p = &c->pass[i];
        for (int k = 0; k < p->events; k++) {
            if (p->event[k].usable && (!p->ran || p->value[k].how != COUNTER_UNAVAILABLE))
                continue;
            snprintf(reason, size, "counters are required, but %s of group %s is not to be had: %s",
                     p->event[k].name, p->group, p->value[k].reason);
            return 6;
        }
    }
    return 0;
}

void counters_work(struct counters *c, double macs)
{
    c->macs = macs;
}

/* ---- what came of it ------------------------------------------------------------------------------- */

struct scope {
    const struct counters *counters;
    const struct pass *pass;
};

static double value_of(void *context, const char *name)
{
    const struct scope *scope = context;

    if (strcmp(name, "macs") == 0)
        return scope->counters->macs;
    if (strcmp(name, "threads") == 0)
        return scope->counters->threads;
    if (strcmp(name, "wall_ns") == 0)
        return scope->counters->wall_ns;
    for (int k = 0; k < scope->pass->events; k++)
        if (strcmp(scope->pass->event[k].name, name) == 0)
            return scope->pass->value[k].total;
    return NAN;
}

static void derive(const struct counters *c, struct pass *p)
{
    struct scope scope = {c, p};

    for (int m = 0; m < p->metrics; m++) {
        struct counter_value *v = &p->value[p->events + m];
        char why[64];
        double value = formula_evaluate(p->metric[m].text, value_of, &scope, why, sizeof(why));

        if (!isfinite(value)) {
            counter_unavailable(v, why);
            continue;
        }
        v->how = COUNTER_DERIVED;
        v->total = value;
        v->running_ratio = NAN;
        v->reason[0] = '\0';
    }
}

/* The first pass that has it. */
static const struct counter_value *best_of(const struct counters *c, const char *name)
{
    const struct counter_value *first = NULL;

    for (int i = 0; i < c->passes; i++) {
        const struct pass *p = &c->pass[i];
        for (int k = 0; k < p->events + p->metrics; k++) {
            const struct counter_value *v = &p->value[k];
            if (strcmp(v->name, name) != 0)
                continue;
            if (v->how != COUNTER_UNAVAILABLE)
                return v;
            first = first ? first : v;
        }
    }
    return first;
}

size_t counters_values(struct counters *c, const struct counter_value **out)
{
    for (int i = 0; i < c->passes; i++)
        if (c->pass[i].ran)
            derive(c, &c->pass[i]);
    for (size_t i = 0; i < c->count; i++)
        c->values[i] = *best_of(c, c->values[i].name);
    *out = c->values;
    return c->count;
}
