/* SPDX-License-Identifier: MIT */
/* The gate's JSON files: the verdicts of ab, the certificate of aa. Their keys are documented in docs/ci.md.
 */
#include "gate/gate.h"
#include "base/json.h"

#include <math.h>
#include <string.h>

static void put_change(struct json_t *parent, const struct interval *slowdown)
{
    js_real(parent, "slowdown", slowdown->mid);
    js_real(parent, "slowdown_low", slowdown->low);
    js_real(parent, "slowdown_high", slowdown->high);
}

static struct json_t *case_json(const struct gate_report *r, int i)
{
    const struct gate_state *s = &r->states[i];
    struct json_t *c = js_object();

    js_text(c, "name", r->cases[i].name);
    js_text(c, "base_kernel", r->cases[i].base_kernel);
    js_text(c, "new_kernel", r->cases[i].new_kernel);
    js_int(c, "threads", r->cases[i].threads);
    js_text(c, "answer", answer_name(s->answer));
    put_change(c, &s->slowdown);
    js_real(c, "p", s->p);
    js_int(c, "screen_launches", s->screened);
    js_int(c, "confirm_launches", s->confirmed);
    js_real(c, "pairs_needed", s->pairs_needed);
    return c;
}

int gate_report_json(const struct gate_report *r, const char *path)
{
    struct json_t *root = js_object(), *cases = js_array();
    struct oct_message msg;
    int status;

    js_int(root, "schema", 1);
    js_text(root, "config", r->options->config_path);
    js_text(root, "base", r->options->base);
    js_text(root, "base_version", r->base_version);
    js_text(root, "new", r->options->new);
    js_text(root, "new_version", r->new_version);
    js_real(root, "tolerance", exp(r->rule->tolerance) - 1);
    js_real(root, "alpha", r->rule->alpha);
    js_int(root, "pairs_per_launch", 2 * r->rule->quads);
    js_int(root, "launches", r->launches);
    js_real(root, "seconds", r->seconds);
    js_int(root, "exit_status", gate_status(r->states, r->count));
    for (int i = 0; i < r->count; i++)
        js_put(cases, NULL, case_json(r, i));
    js_put(root, "cases", cases);
    status = js_write_file(root, path, &msg);
    if (status)
        fprintf(stderr, "octbench: error: %s\n", msg.text);
    js_free(root);
    return status != OCT_OK;
}

int certificate_write(const struct certificate *certificate, const char *path)
{
    struct json_t *root = js_object(), *cases = js_array();
    struct oct_message msg;
    int status;

    js_int(root, "schema", 1);
    js_text(root, "config_hash", certificate->config_hash);
    js_text(root, "machine", certificate->machine);
    js_int(root, "runs", certificate->runs);
    js_int(root, "false_alarms", certificate->false_alarms);
    js_int(root, "inconclusive", certificate->inconclusive);
    js_real(root, "false_alarm_rate_bound", certificate->rate_bound);
    js_real(root, "tolerance", certificate->tolerance);
    js_real(root, "tolerance_floor", certificate->tolerance_floor);
    js_real(root, "seconds_per_run", certificate->seconds_per_run);
    for (int i = 0; i < certificate->count; i++) {
        const struct certificate_case *c = &certificate->cases[i];
        struct json_t *item = js_object();
        js_text(item, "name", c->name);
        js_int(item, "launches", c->launches);
        js_int(item, "false_alarms", c->false_alarms);
        js_real(item, "noise", c->noise);
        js_real(item, "smallest_detectable", c->smallest_detectable);
        js_real(item, "seconds_per_run_to_halve", c->seconds_to_halve);
        js_put(cases, NULL, item);
    }
    js_put(root, "cases", cases);
    status = js_write_file(root, path, &msg);
    if (status)
        fprintf(stderr, "octbench: error: %s\n", msg.text);
    js_free(root);
    return status != OCT_OK;
}

int certificate_check(const char *path, const char *config_hash, double tolerance)
{
    struct oct_message msg;
    struct json_t *root = js_read_file(path, &msg);
    const char *hash;
    double floor;
    int status = 2;

    if (!root) {
        fprintf(stderr, "octbench: error: %s\n", msg.text);
        return 2;
    }
    hash = js_get_text(root, "config_hash");
    floor = js_get_real(root, "tolerance_floor");
    if (isnan(floor) || !hash)
        fprintf(stderr, "octbench: error: %s: is no certificate of octbench aa\n", path);
    else if (strcmp(hash, config_hash) != 0)
        fprintf(stderr, "octbench: error: %s: was made for another config; run octbench aa with this one\n",
                path);
    else if (tolerance < floor)
        fprintf(stderr,
                "octbench: error: a tolerance of %.2f%% is below what %s certifies for this machine "
                "(%.2f%%): raise "
                "it, or certify a quieter machine\n",
                100 * tolerance, path, 100 * floor);
    else
        status = 0;
    js_free(root);
    return status;
}
