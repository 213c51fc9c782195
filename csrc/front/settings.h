/* The few settings that decide whether anything is to be done at all (design 10).
 *
 * Python reads all settings again, with care; here a value that is not understood only means
 * that Python is asked. */
#ifndef SUPEROPT_SETTINGS_H
#define SUPEROPT_SETTINGS_H

#include "options.h"

struct settings {
    const char *mode;      /* "off", "use", "queue" or "now" */
    const char *select;    /* "pragma", "all", patterns with commas, "?" if only Python can say */
    const char *cc;        /* NULL: by name */
    const char *cache_dir; /* NULL: the XDG place */
};

/* Options > environment > superopt.toml around `source` (NULL: around the current folder) >
 * the user's file > defaults.  What is wrong in options, environment or these four settings
 * becomes one warning line on stderr. */
struct settings read_settings(const struct words *options, const char *source);

#endif
