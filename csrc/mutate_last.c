/* The last operation of an expression: only what yields the goal matters, so one test decides
 * about nearly all of them. */
#include "mutate_tree.h"

/* May the operation have these operands, the cheaper of equal choices? */
int fits(uint64_t kind, uint32_t a, uint32_t b)
{
    int first = is_constant(a), second = is_constant(b);
    switch (kind) {
    case K_ADD:
    case K_IMUL:
    case K_MULHU:
    case K_MULHS:
    case K_TEST: return !first && (second || b <= a);
    case K_AND:
    case K_OR:
    case K_XOR: return !first && (second || b < a);
    case K_SUB: return a != b && !second && !(first && tree.value[a][0] + 1 < 2); /* neg, not */
    case K_SHLV:
    case K_SHRV:
    case K_SARV: return !second;
    case K_ANDN:
    case K_CMP: return a != b && !first;
    case K_CMOV: return a != b && !(first && second);
    case K_LEA: return !first && !second;
    }
    return !first;
}

enum shape shape_of(uint64_t kind)
{
    if (kind >= K_SHL && kind <= K_ROL)
        return SHIFTED;
    if (kind == K_SETCC || kind == K_SBBSELF)
        return NONE;
    return kind >= K_NEG && kind <= K_BLSI ? ONE : TWO;
}

static void add_pair(struct operands *all, uint32_t a, uint32_t b)
{
    all->x[all->count] = tree.value[a][tree.first_test];
    all->y[all->count] = tree.value[b][tree.first_test];
    all->a[all->count] = (uint8_t)a;
    all->b[all->count++] = (uint8_t)b;
}

void make_pairs(const struct state *s, struct operands *all)
{
    if (!s->unused) { /* nothing is computed yet, or only flags */
        for (uint32_t a = 0; a < s->values; a++)
            for (uint32_t b = 0; b < s->values && all->count < MOST_PAIRS; b++)
                if (is_value(a) && is_value(b))
                    add_pair(all, a, b);
        return;
    }
    uint32_t one = (uint32_t)__builtin_ctzll(s->unused);
    uint64_t rest = s->unused & (s->unused - 1);
    for (uint32_t b = 0; b < s->values; b++)
        if (is_value(b) && (!rest || rest == 1ULL << b)) {
            add_pair(all, one, b);
            if (b != one)
                add_pair(all, b, one);
        }
}

static unsigned bit_at(const struct state *s, uint32_t operation, uint32_t test)
{
    return s->flags_of < 0 ? 0 : tree.holds[s->level][operation] >> test & 1;
}

/* Does this node yield the goal on the other tests too? */
static void finish(const struct state *s, const struct node *node)
{
    const struct operation *o = tree.operations + node->operation;
    const uint64_t *x = tree.value[node->a], *y = tree.value[node->b];
    unsigned count = (unsigned)tree.shifts[node->shift].count;
    for (uint32_t t = 0; t < QUICK; t++) {
        unsigned bit = bit_at(s, node->operation, t);
        uint64_t v = compute(o->kind, o->width, o->variant, x[t], y[t], count, bit);
        if ((v ^ tree.goal[t]) & tree.mask) {
            tree.first_test = t;
            return;
        }
    }
    tree.chosen[s->level] = *node;
    report();
}

#define PAIRS(kind, result)                                                                        \
    case kind:                                                                                     \
        for (uint32_t i = 0; i < all->count; i++) {                                                \
            uint64_t x = all->x[i], y = all->y[i];                                                 \
            (void)x;                                                                               \
            (void)y;                                                                               \
            if (!(((result) ^ right) & low) && fits(kind, all->a[i], all->b[i]))                   \
                finish(s, &(struct node){ operation, all->a[i], all->b[i], 0, 0 });                \
        }                                                                                          \
        break

static void last_of_two(const struct state *s, uint32_t operation, const struct operands *all,
                        uint32_t test)
{
    const struct operation *o = tree.operations + operation;
    unsigned bit = bit_at(s, operation, test);
    uint64_t right = tree.goal[test], low = at_width(o->width, tree.mask);
    tree.looked += all->count;
    switch (o->kind) {
        PAIRS(K_ADD, x + y);
        PAIRS(K_SUB, x - y);
        PAIRS(K_AND, x & y);
        PAIRS(K_OR, x | y);
        PAIRS(K_XOR, x ^ y);
        PAIRS(K_IMUL, x * y);
        PAIRS(K_LEA, x + (y << o->variant));
        PAIRS(K_CMOV, bit ? y : x);
        PAIRS(K_ADC, x + y + bit);
        PAIRS(K_SBB, x - y - bit);
    default:
        for (uint32_t i = 0; i < all->count; i++) {
            uint64_t v = compute(o->kind, o->width, o->variant, all->x[i], all->y[i], 0, bit);
            if (!((v ^ right) & tree.mask) && fits(o->kind, all->a[i], all->b[i]))
                finish(s, &(struct node){ operation, all->a[i], all->b[i], 0, 0 });
        }
    }
}

/* Operations on one value, which must be the only one unused, or on none. */
static void last_of_one(const struct state *s, uint32_t operation, uint32_t test)
{
    const struct operation *o = tree.operations + operation;
    enum shape shape = shape_of(o->kind);
    if (s->unused & (s->unused - 1) || (shape == NONE && s->unused))
        return;
    uint32_t low = s->unused ? (uint32_t)__builtin_ctzll(s->unused) : 0;
    uint32_t high = s->unused || shape == NONE ? low + 1 : s->values;
    uint32_t counts = shape == SHIFTED ? (uint32_t)the_job->shifts : 1;
    unsigned bit = bit_at(s, operation, test);
    for (uint32_t a = low; a < high; a++)
        for (uint32_t c = 0; c < counts; c++) {
            if (shape != NONE && (!is_value(a) || is_constant(a)))
                continue;
            if (shape == SHIFTED && tree.shifts[c].width != o->width)
                continue;
            tree.looked++;
            const uint64_t *x = tree.value[a];
            uint64_t v = compute(o->kind, o->width, o->variant, x[test], x[test],
                                 (unsigned)tree.shifts[c].count, bit);
            if (!((v ^ tree.goal[test]) & tree.mask))
                finish(s, &(struct node){ operation, a, a, shape == SHIFTED ? c : 0, 0 });
        }
}

/* Low bits of these do not depend on the width. */
static int is_same_at_any_width(const struct operation *o)
{
    return o->kind <= K_IMUL || o->kind == K_LEA || o->kind == K_NEG || o->kind == K_NOT ||
           o->kind == K_CMOV || o->kind == K_ADC || o->kind == K_SBB;
}

void last(const struct state *s, uint32_t operation, const struct operands *all, uint32_t test)
{
    const struct operation *o = tree.operations + operation;
    if (o->kind == K_CMP || o->kind == K_TEST)
        return;
    if (o->width == 8 && tree.narrow_too && !(tree.mask >> 32) && is_same_at_any_width(o))
        return;
    if (shape_of(o->kind) == TWO)
        last_of_two(s, operation, all, test);
    else
        last_of_one(s, operation, test);
}
