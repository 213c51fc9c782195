/* superopt.h: choose functions for superopt-cc in the source, with any compiler.
 *
 * All macros expand to nothing; superopt-cc reads them in the named source files (not in headers).
 *
 *   SUPEROPT                          the function defined next   (#pragma superopt)
 *   SUPEROPT_FUNCTIONS(f, g)          these functions             (#pragma superopt f g)
 *   SUPEROPT_WITH((isa=x86-64-v3))    the next one, with options  (#pragma superopt (...))
 *   SUPEROPT_WITH(extent(a, n))       the next one, with a contract for its tests
 *   SUPEROPT_OFF ... SUPEROPT_ON      nothing in between
 */
#ifndef SUPEROPT_H
#define SUPEROPT_H

#define SUPEROPT
#define SUPEROPT_OFF
#define SUPEROPT_ON
#define SUPEROPT_FUNCTIONS(...)
#define SUPEROPT_WITH(...)

#endif
