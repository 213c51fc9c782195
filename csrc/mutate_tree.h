/* What the parts of the enumeration share: the values so far, and the nodes that made them. */
#ifndef SUPEROPT_MUTATE_TREE_H
#define SUPEROPT_MUTATE_TREE_H

#include "mutate.h"
#include "mutate_values.h"

enum { MOST_LEAVES = 24, MOST_DEPTH = 8, MOST_VALUES = MOST_LEAVES + MOST_DEPTH };
enum { MOST_OPERATIONS = 96, QUICK = 32 };

struct node {
    uint32_t operation, a, b, shift;
    int loud; /* its flags are used next */
};

/* Flags on all quick tests, one bit each. */
struct flags {
    uint32_t carry, zero, sign, overflow, parity;
};

/* What a value is: computed, a constant, or nothing, for only its flags count. */
enum nature { COMPUTED, CONSTANT, FLAGS_ALONE };

struct enumeration {
    uint64_t value[MOST_VALUES][QUICK], digest[MOST_VALUES];
    enum nature nature[MOST_VALUES];
    struct flags flags[MOST_DEPTH];
    uint32_t holds[MOST_DEPTH][MOST_OPERATIONS]; /* tests on which a condition or carry is set */
    struct node chosen[MOST_DEPTH];
    uint64_t goal[QUICK], mask, lane[QUICK];
    uint32_t depth, leaves;
    uint32_t first_test; /* tells most apart */
    uint64_t looked, reported, reported_before;
    int narrow_too; /* operations of 32 bits are among them */
    const struct operation *operations;
    const struct shift *shifts;
};

extern struct enumeration tree;

/* What must hold of the next node. */
struct state {
    uint32_t level, values;
    uint64_t unused; /* values that nothing uses yet */
    int flags_of;    /* the node whose flags are there, or -1 */
    int pending;     /* they must be used next */
    uint64_t digest;
};

void make_leaves(void);
uint64_t digest_of(const uint64_t *values);

/* Checks the chosen nodes on all tests and reports them. */
void report(void);

/* The expressions that operation `i` ends, given all nodes but the last. */
struct operands;
void last(const struct state *s, uint32_t operation, const struct operands *all, uint32_t test);
void make_pairs(const struct state *s, struct operands *all);

enum { MOST_PAIRS = MOST_VALUES * MOST_VALUES };

/* Operands that leave no value unused, with what they are on one test. */
struct operands {
    uint32_t count;
    uint64_t x[MOST_PAIRS], y[MOST_PAIRS];
    uint8_t a[MOST_PAIRS], b[MOST_PAIRS];
};

/* May the operation have these operands, the cheaper of equal choices? */
int fits(uint64_t kind, uint32_t a, uint32_t b);

/* How an operation takes its operands. */
enum shape { NONE, ONE, SHIFTED, TWO };
enum shape shape_of(uint64_t kind);

static inline int is_constant(uint32_t v)
{
    return tree.nature[v] == CONSTANT;
}

static inline int is_value(uint32_t v)
{
    return tree.nature[v] != FLAGS_ALONE;
}

#endif
