/* An enumeration's leaves, and whole expressions on all tests. */
#include "mutate_tree.h"

#include <string.h>

struct enumeration tree;

/* --- leaves --------------------------------------------------------------------------------- */

static uint64_t extended(const struct leaf *leaf, uint64_t word)
{
    unsigned spare = leaf->bytes ? 64 - 8 * (unsigned)leaf->bytes : 0;
    word <<= spare;
    return leaf->is_signed ? (uint64_t)((int64_t)word >> spare) : word >> spare;
}

static uint64_t loaded(const struct leaf *leaf, uint64_t at)
{
    uint64_t word = 0;
    if (at < the_job->arena || at + leaf->bytes < at ||
        at + leaf->bytes > the_job->arena + the_job->arena_bytes)
        return 0;
    memcpy(&word, (const void *)at, leaf->bytes);
    return word;
}

static uint64_t leaf_value(uint32_t number, uint64_t test)
{
    const struct leaf *leaf = (const struct leaf *)table(the_job->leaves_at) + number;
    if (leaf->kind == LEAF_CONSTANT)
        return leaf->value;
    uint64_t word = ((const uint64_t *)table(the_job->states_at))[16 * test + (leaf->value & 15)];
    if (leaf->kind == LEAF_MEMORY)
        word = loaded(leaf, word + leaf->displacement);
    return extended(leaf, word);
}

uint64_t digest_of(const uint64_t *values)
{
    uint64_t h = 0;
    for (uint32_t t = 0; t < QUICK; t++)
        h += (values[t] ^ values[t] >> 29) * tree.lane[t];
    return h ^ h >> 31;
}

void make_leaves(void)
{
    const struct leaf *leaf = table(the_job->leaves_at);
    for (uint32_t i = 0; i < tree.leaves; i++) {
        tree.nature[i] = leaf[i].kind == LEAF_CONSTANT ? CONSTANT : COMPUTED;
        for (uint32_t t = 0; t < QUICK; t++)
            tree.value[i][t] = leaf_value(i, t);
        tree.digest[i] = digest_of(tree.value[i]);
    }
}

/* --- a whole expression ---------------------------------------------------------------------- */

static unsigned bit_for(const struct operation *o, unsigned from)
{
    int conditional = o->kind == K_CMOV || o->kind == K_SETCC;
    return conditional ? (unsigned)condition(o->variant, from) : from & FLAG_C;
}

static uint64_t expression(uint64_t test)
{
    uint64_t made[MOST_VALUES];
    unsigned there = 0;
    for (uint32_t i = 0; i < tree.leaves; i++)
        made[i] = leaf_value(i, test);
    for (uint32_t n = 0; n < tree.depth; n++) {
        const struct node *node = tree.chosen + n;
        const struct operation *o = tree.operations + node->operation;
        uint64_t x = made[node->a], y = made[node->b];
        unsigned count = (unsigned)tree.shifts[node->shift].count;
        uint64_t v = compute(o->kind, o->width, o->variant, x, y, count, bit_for(o, there));
        if (node->loud)
            there = flags_after(o->kind, o->width, x, y, count, v);
        made[tree.leaves + n] = v;
    }
    return made[tree.leaves + tree.depth - 1];
}

void report(void)
{
    const uint64_t *expected = table(the_job->expected_at);
    for (uint64_t t = QUICK; t < the_job->tests; t++)
        if ((expression(t) ^ expected[t]) & tree.mask)
            return;
    uint64_t words[2 + 4 * MOST_DEPTH] = { tree.depth, tree.looked }, count = 2;
    for (uint32_t n = 0; n < tree.depth; n++) {
        words[count++] = tree.chosen[n].operation;
        words[count++] = tree.chosen[n].a;
        words[count++] = tree.chosen[n].b;
        words[count++] = tree.chosen[n].shift;
    }
    tree.reported++;
    emit(RECORD_TREE, words, count);
}

