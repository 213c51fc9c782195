/* What the front door tells the `as` shim, and the shim tells Python: one build's record.
 *
 * The record lies in an anonymous memory file.  Its descriptor is inherited through gcc under
 * the name `_SUPEROPT_RECORD` (decimal) and by Python under `_SUPEROPT_JOB`.  It is a sequence of
 * NUL-terminated strings: RECORD_MAGIC, then fields, each `name`, `count` (decimal) and `count`
 * strings.  superopt_cc/driver/record.py reads the same.  Fields, in the order of writing:
 *
 *   by the front door
 *   program       1  argv[0] of the front door
 *   argv          n  the user's words without --superopt-* options, response files unexpanded
 *   cwd           1  where the build runs
 *   compiler      1  the real gcc, absolute
 *   language      1  "c" or "c++": which driver this is
 *   options       n  --superopt-NAME=VALUE words
 *   select        1  the setting as the front door read it: "pragma", "all", patterns...
 *   environment   n  NAME=VALUE of what gcc changes for its children, as the user had it;
 *                    names that are missing were unset (COMPILER_PATH, LIBRARY_PATH)
 *   by the shim
 *   as-argv       n  the assembler's words without argv[0]
 *   assembler     1  the real assembler, absolute
 *   text          1  descriptor of the assembly text (read from offset 0)
 *   result        1  descriptor for the new text (empty: keep gcc's code)
 *   alive         1  descriptor of a pipe: each byte written to it restarts the time limit
 */
#ifndef SUPEROPT_RECORD_H
#define SUPEROPT_RECORD_H

#include "text.h"

#define RECORD_MAGIC "superopt-record 1"
#define RECORD_VARIABLE "_SUPEROPT_RECORD"
#define JOB_VARIABLE "_SUPEROPT_JOB"

void record_begin(struct bytes *record);
void record_field(struct bytes *record, const char *name, char *const *items, size_t count);
void record_one(struct bytes *record, const char *name, const char *item);

/* Put the record into a memory file that children inherit; its descriptor, or -1. */
int record_keep(const struct bytes *record);

/* Read the record of descriptor number `text` (may be NULL); false if there is none. */
bool record_read(const char *text, struct bytes *record);

/* Item `index` of a field, or NULL. */
const char *record_item(const struct bytes *record, const char *name, size_t index);

/* A memory file that children inherit, out of the way of low descriptor numbers; or -1. */
int memory_file(const char *name);

#endif
