/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "gate/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A build finds what it links before what octbench links: oneDNN 3 and 2 share names. AddressSanitizer
 * forbids it. */
#ifdef __SANITIZE_ADDRESS__
#define OWN_LIBRARIES 0
#else
#define OWN_LIBRARIES RTLD_DEEPBIND
#endif

static int fail(struct oct_message *msg, const char *path, const char *what, const char *detail)
{
    snprintf(msg->text, sizeof(msg->text), "%s: %s%s%s", path, what, *detail ? ": " : "", detail);
    return OCT_INVALID;
}

/* ISO C keeps functions and objects apart; POSIX guarantees that this copy works (dlsym, rationale). */
static bool find_function(void *handle, const char *name, void *function, size_t size)
{
    void *symbol = dlsym(handle, name);

    memcpy(function, &symbol, size);
    return symbol != NULL;
}

int library_open(struct library *out, const char *path, struct oct_message *msg)
{
    int (*abi)(void);
    const char *(*version)(void);
    void (*limit)(uint32_t);
    char numbers[64], full[PATH_MAX];

    *out = (struct library){.path = path ? path : "the build linked in"};
    if (!path) {
        out->version = oct_version();
        out->kernels = oct_kernels;
        return OCT_OK;
    }
    /* The loader would look for a name without a slash among the system's libraries. */
    if (!realpath(path, full))
        return fail(msg, path, "cannot be loaded", strerror(errno));
    out->handle = dlopen(full, RTLD_NOW | RTLD_LOCAL | OWN_LIBRARIES);
    if (!out->handle)
        return fail(msg, path, "cannot be loaded", dlerror());
    if (!find_function(out->handle, "oct_abi", &abi, sizeof(abi))) {
        library_close(out);
        return fail(msg, path, "is no liboctconv: it has no symbol oct_abi", "");
    }
    if (abi() != OCT_ABI) {
        snprintf(numbers, sizeof(numbers), "it has ABI %d, octbench was built for %d", abi(), OCT_ABI);
        library_close(out);
        return fail(msg, path, "cannot be compared", numbers);
    }
    out->kernels = dlsym(out->handle, "oct_kernels");
    if (!out->kernels || !find_function(out->handle, "oct_version", &version, sizeof(version)) ||
        !find_function(out->handle, "oct_cpu_limit", &limit, sizeof(limit))) {
        library_close(out);
        return fail(msg, path, "lacks one of the symbols oct_kernels, oct_version, oct_cpu_limit", "");
    }
    limit(oct_cpu_usable());
    out->version = version();
    return OCT_OK;
}

void library_close(struct library *library)
{
    if (library->handle)
        dlclose(library->handle);
    library->handle = NULL;
}

const struct oct_kernel *library_kernel(const struct library *library, const char *name)
{
    for (int i = 0; library->kernels[i]; i++)
        if (strcmp(library->kernels[i]->name, name) == 0)
            return library->kernels[i];
    return NULL;
}
