/* Every expression of few operations, the shortest first.
 *
 * Looking at all short programs is Massalin's idea ("Superoptimizer", ASPLOS 1987); states that
 * agree on all tests count as one, as in Bansal and Aiken, "Automatic Generation of Peephole
 * Superoptimizers", ASPLOS 2006.  Here programs are expressions, not yet bound to registers:
 * operands of commutative operations are ordered, independent neighbours too, a value is never
 * made twice, and one that the operations left over cannot use any more is not made at all.
 * Flags are made only to be used at once: by conditional moves, setcc, sbb and adc.
 */
#include "mutate_tree.h"

#include <string.h>

enum { SEEN_BITS = 21, MOST_CONDITIONS = 24 };

static uint64_t seen[1 << SEEN_BITS];

static void extend(const struct state *before);

static int over(void)
{
    return tree.looked >= the_job->limit || elapsed() >= the_job->ticks ||
           tree.reported - tree.reported_before >= the_job->results;
}

static int sets_flags(uint64_t kind)
{
    return kind <= K_XOR || kind == K_NEG || (kind >= K_SHL && kind <= K_SAR);
}

/* The signs' difference, a sum's carry: what cmp and test of its operands do not tell. */
static int tells_by_flags_alone(uint64_t kind, const struct node *node)
{
    return kind == K_XOR || (kind == K_ADD && !is_constant(node->a) && !is_constant(node->b));
}

static int uses_flags(uint64_t kind)
{
    return kind >= K_CMOV;
}

/* --- what is known already ------------------------------------------------------------------- */

static uint64_t stirred(uint64_t h, uint64_t word)
{
    return (h ^ word) * 0x9fb21c651e98df25ULL ^ h >> 32;
}

/* A state met before, with as many operations left, leads to nothing new. */
static int is_known(const struct state *s)
{
    uint64_t h = s->digest + (uint64_t)tree.depth * 0x2545f4914f6cdd1dULL + s->level;
    for (uint32_t i = tree.leaves; i < s->values; i++)
        if (s->unused >> i & 1)
            h += tree.digest[i] * 0xd6e8feb86659fd93ULL;
    if (s->flags_of >= 0) {
        const struct flags *f = tree.flags + s->flags_of;
        h = stirred(h, f->carry | (uint64_t)f->zero << 32);
        h = stirred(h, f->sign | (uint64_t)f->overflow << 32);
        h = stirred(h, f->parity);
    }
    h = stirred(h ^ h >> 29, (uint64_t)s->pending);
    uint64_t *place = seen + (h >> (64 - SEEN_BITS));
    if (*place == h)
        return 1;
    *place = h;
    return 0;
}

/* Then fewer operations do. */
static int is_goal(const uint64_t *values)
{
    for (uint32_t t = 0; t < QUICK; t++)
        if ((values[t] ^ tree.goal[t]) & tree.mask)
            return 0;
    return 1;
}

static int is_new(const uint64_t *values, uint32_t place)
{
    uint64_t differing = 0;
    for (uint32_t t = 1; t < QUICK; t++)
        differing |= values[t] ^ values[0];
    for (uint32_t i = 0; i < place; i++)
        if (is_value(i) && tree.digest[i] == tree.digest[place])
            return 0;
    return differing && !is_goal(values);
}

/* --- all tests at once ----------------------------------------------------------------------- */

#define EACH(kind, result)                                                                         \
    case kind:                                                                                     \
        for (uint32_t t = 0; t < QUICK; t++)                                                       \
            to[t] = (result);                                                                      \
        break

static void compute_all(const struct operation *o, const uint64_t *x, const uint64_t *y,
                        unsigned count, uint32_t bits, uint64_t *to)
{
    switch (o->kind) {
        EACH(K_ADD, x[t] + y[t]);
        EACH(K_SUB, x[t] - y[t]);
        EACH(K_AND, x[t] & y[t]);
        EACH(K_OR, x[t] | y[t]);
        EACH(K_XOR, x[t] ^ y[t]);
        EACH(K_IMUL, x[t] * y[t]);
        EACH(K_LEA, x[t] + (y[t] << o->variant));
        EACH(K_NEG, -x[t]);
        EACH(K_NOT, ~x[t]);
        EACH(K_SHL, x[t] << count);
        EACH(K_CMOV, bits >> t & 1 ? y[t] : x[t]);
        EACH(K_ADC, x[t] + y[t] + (bits >> t & 1));
        EACH(K_SBB, x[t] - y[t] - (bits >> t & 1));
    default:
        for (uint32_t t = 0; t < QUICK; t++)
            to[t] = compute(o->kind, o->width, o->variant, x[t], y[t], count, bits >> t & 1);
        return;
    }
    if (o->width == 4)
        for (uint32_t t = 0; t < QUICK; t++)
            to[t] &= 0xffffffffu;
}

static void make_flags(const struct operation *o, const uint64_t *x, const uint64_t *y,
                       unsigned count, const uint64_t *results, struct flags *to)
{
    memset(to, 0, sizeof *to);
    for (uint32_t t = 0; t < QUICK; t++) {
        unsigned f = flags_after(o->kind, o->width, x[t], y[t], count, results[t]);
        to->carry |= (uint32_t)!!(f & FLAG_C) << t;
        to->zero |= (uint32_t)!!(f & FLAG_Z) << t;
        to->sign |= (uint32_t)!!(f & FLAG_S) << t;
        to->overflow |= (uint32_t)!!(f & FLAG_O) << t;
        to->parity |= (uint32_t)!!(f & FLAG_P) << t;
    }
}

static uint32_t tests_where(uint64_t condition, const struct flags *f)
{
    uint32_t less = f->sign ^ f->overflow;
    uint32_t each[8] = { f->overflow, f->carry, f->zero, f->carry | f->zero,
                         f->sign, f->parity, less, less | f->zero };
    return each[condition >> 1 & 7] ^ (condition & 1 ? UINT32_MAX : 0);
}

/* --- one node more --------------------------------------------------------------------------- */

static void follow(const struct state *s, const struct node *node, uint64_t unused)
{
    const struct operation *o = tree.operations + node->operation;
    struct state next = { .level = s->level + 1, .values = s->values + 1, .unused = unused,
                          .flags_of = -1, .digest = s->digest };
    uint32_t place = s->values, bits = s->flags_of < 0 ? 0 : tree.holds[s->level][node->operation];
    const uint64_t *x = tree.value[node->a], *y = tree.value[node->b];
    unsigned count = (unsigned)tree.shifts[node->shift].count;
    int compares = o->kind == K_CMP || o->kind == K_TEST;
    tree.nature[place] = compares ? FLAGS_ALONE : COMPUTED;
    if (!compares) {
        compute_all(o, x, y, count, bits, tree.value[place]);
        tree.digest[place] = digest_of(tree.value[place]);
        if (!is_new(tree.value[place], place))
            return;
        if (!node->loud || !tells_by_flags_alone(o->kind, node))
            next.unused |= 1ULL << place;
        next.digest += tree.digest[place];
    }
    if (node->loud) {
        make_flags(o, x, y, count, tree.value[place], tree.flags + s->level);
        next.flags_of = (int)s->level;
        next.pending = 1;
    } else if (o->kind == K_CMOV || o->kind == K_SETCC) {
        next.flags_of = s->flags_of;
    }
    tree.chosen[s->level] = *node;
    if (!is_known(&next))
        extend(&next);
}

static uint64_t rank(const struct node *node)
{
    return (uint64_t)node->operation << 24 | node->a << 16 | node->b << 8 | node->shift;
}

/* Neighbours of which neither needs the other come in one order only. */
static int out_of_order(const struct state *s, const struct node *node, uint64_t used)
{
    if (s->level == 0 || s->flags_of >= 0)
        return 0;
    const struct node *before = tree.chosen + s->level - 1;
    if (before->loud || used >> (s->values - 1) & 1 ||
        uses_flags(tree.operations[before->operation].kind))
        return 0;
    return rank(node) < rank(before);
}

static void consider(const struct state *s, uint32_t operation, uint32_t a, uint32_t b,
                     uint32_t shift, uint64_t used)
{
    uint64_t kind = tree.operations[operation].kind, unused = s->unused & ~used;
    uint32_t left = tree.depth - s->level - 1;
    struct node node = { operation, a, b, shift, 0 };
    tree.looked++;
    if ((uint32_t)__builtin_popcountll(unused) > left || over())
        return;
    int compares = kind == K_CMP || kind == K_TEST;
    if (!compares && !out_of_order(s, &node, used))
        follow(s, &node, unused);
    if (compares || sets_flags(kind)) {
        node.loud = 1;
        follow(s, &node, unused);
    }
}

static void middle(const struct state *s, uint32_t i)
{
    const struct operation *o = tree.operations + i;
    enum shape shape = shape_of(o->kind);
    if (shape == NONE) {
        consider(s, i, 0, 0, 0, 0);
        return;
    }
    for (uint32_t a = 0; a < s->values && !over(); a++) {
        if (!is_value(a))
            continue;
        if (shape == ONE && !is_constant(a))
            consider(s, i, a, a, 0, 1ULL << a);
        for (uint32_t c = 0; shape == SHIFTED && c < the_job->shifts; c++)
            if (tree.shifts[c].width == o->width && !is_constant(a))
                consider(s, i, a, a, c, 1ULL << a);
        for (uint32_t b = 0; shape == TWO && b < s->values; b++)
            if (is_value(b) && fits(o->kind, a, b))
                consider(s, i, a, b, 0, 1ULL << a | 1ULL << b);
    }
}

/* Conditions met at a state: those that hold on the same tests are one. */
struct conditions {
    uint32_t count, holds[MOST_CONDITIONS];
    uint64_t kind[MOST_CONDITIONS];
};

/* Are there flags for it, and does it tell anything that another condition does not? */
static int is_apt(const struct state *s, uint32_t operation, struct conditions *met)
{
    const struct operation *o = tree.operations + operation;
    if (!uses_flags(o->kind))
        return !s->pending;
    if (s->flags_of < 0)
        return 0;
    const struct flags *flags = tree.flags + s->flags_of;
    uint64_t from = tree.operations[tree.chosen[s->flags_of].operation].kind;
    int conditional = o->kind == K_CMOV || o->kind == K_SETCC;
    if (conditional && from >= K_SHL && from <= K_SAR && (o->variant >= 12 || o->variant < 2))
        return 0; /* a shift leaves the overflow flag undefined */
    uint32_t holds = conditional ? tests_where(o->variant, flags) : flags->carry;
    tree.holds[s->level][operation] = holds;
    if (holds == 0 || holds == UINT32_MAX)
        return 0;
    for (uint32_t i = 0; i < met->count && conditional; i++)
        if (met->kind[i] == o->kind && met->holds[i] == holds)
            return 0;
    if (conditional && met->count < MOST_CONDITIONS) {
        met->kind[met->count] = o->kind;
        met->holds[met->count++] = holds;
    }
    return 1;
}

static void extend(const struct state *s)
{
    struct conditions met;
    struct operands all;
    uint32_t test = tree.first_test;
    int is_last = s->level + 1 == tree.depth;
    met.count = all.count = 0;
    if (is_last)
        make_pairs(s, &all);
    for (uint32_t i = 0; i < the_job->operations && !over(); i++) {
        if (!is_apt(s, i, &met))
            continue;
        if (is_last)
            last(s, i, &all, test);
        else
            middle(s, i);
    }
}

/* --- the whole ------------------------------------------------------------------------------- */

static int prepare(void)
{
    const uint64_t *expected = table(the_job->expected_at);
    uint64_t random_state = 1;
    tree.operations = table(the_job->operations_at);
    tree.shifts = table(the_job->shifts_at);
    tree.leaves = (uint32_t)the_job->leaves;
    tree.mask = the_job->out_mask[0];
    if (!tree.leaves || tree.leaves > MOST_LEAVES || the_job->outs != 1 ||
        the_job->quick != QUICK || !the_job->shifts || the_job->operations > MOST_OPERATIONS)
        return 0;
    for (uint64_t i = 0; i < the_job->operations; i++)
        tree.narrow_too |= tree.operations[i].width == 4 && tree.operations[i].kind == K_ADD;
    for (uint32_t t = 0; t < QUICK; t++) {
        tree.lane[t] = next_random(&random_state) | 1;
        tree.goal[t] = expected[t];
    }
    make_leaves();
    return 1;
}

void enumerate(void)
{
    uint64_t found_at = 0, most = the_job->depth < MOST_DEPTH ? the_job->depth : MOST_DEPTH;
    if (!prepare())
        most = 0;
    tree.depth = the_job->first > 0 ? (uint32_t)the_job->first : 1;
    for (; tree.depth <= most && (!found_at || tree.depth <= found_at + 1); tree.depth++) {
        struct state start = { .values = tree.leaves, .flags_of = -1 };
        tree.reported_before = tree.reported;
        extend(&start);
        if (tree.reported && !found_at)
            found_at = tree.depth;
        if (tree.looked >= the_job->limit || elapsed() >= the_job->ticks)
            break;
    }
    uint64_t why = tree.looked >= the_job->limit ? ENDED_LIMIT
                   : elapsed() >= the_job->ticks ? ENDED_TIME : ENDED_DONE;
    uint64_t words[] = { why, tree.looked, tree.depth > most ? most : tree.depth, 0, 0 };
    emit(RECORD_END, words, 5);
}
