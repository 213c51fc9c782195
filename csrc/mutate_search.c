/* The walk among instruction sequences: a move, a run over the tests, Metropolis' choice.
 *
 * The method is that of Schkufza, Sharma and Aiken, "Stochastic Superoptimization", ASPLOS 2013:
 * the distance of results from gcc's and the static cost make one energy; a proposal that raises
 * it is taken with a chance that falls as the walk cools.  The threshold is drawn before the tests
 * run, so most proposals end at their first test.
 */
#include "mutate.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_POOL = 1 << 15, MOST_TESTS = 4096, CHANCES = 4096, EMPTY = -1 };
/* The price of a right value in a wrong register, and of a run that faults. */
enum { MISPLACED = 3, FAULT = 256 };
/* From nothing, short sequences are looked for: so many, then half as many more, and again. */
enum { FEW_SLOTS = 6 };
static const double WARM = 12.0, WARM_AT_TARGET = 3.0, COLD = 0.3;

struct sequence {
    int slot[MOST_SLOTS];
};

static const struct entry *pool;
static uint64_t slots, random_state;
static uint32_t by_operation[MOST_POOL], by_operands[MOST_POOL];
static uint32_t kin_first[MOST_POOL], kin_count[MOST_POOL];   /* same operation */
static uint32_t twin_first[MOST_POOL], twin_count[MOST_POOL]; /* same operands */
static uint32_t kinds[MOST_POOL], kind_count;                 /* one entry of each operation */
static uint32_t order[MOST_TESTS];                            /* quick tests first */
static float chance[CHANCES];                                 /* -ln of a random number */
static uint64_t proposals, accepted, reported, best_cost;

/* --- the pool -------------------------------------------------------------------------------- */

static int by_words(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return a != c ? (a > c) - (a < c) : (b > d) - (b < d);
}

static int operation_order(const void *x, const void *y)
{
    const struct entry *a = pool + *(const uint32_t *)x, *b = pool + *(const uint32_t *)y;
    return by_words(a->operation, a->operands, b->operation, b->operands);
}

static int operands_order(const void *x, const void *y)
{
    const struct entry *a = pool + *(const uint32_t *)x, *b = pool + *(const uint32_t *)y;
    return by_words(a->operands, a->operation, b->operands, b->operation);
}

static void sort_pool(void)
{
    uint64_t n = the_job->pool;
    for (uint32_t i = 0; i < n; i++)
        by_operation[i] = by_operands[i] = i;
    qsort(by_operation, n, sizeof *by_operation, operation_order);
    qsort(by_operands, n, sizeof *by_operands, operands_order);
    for (uint32_t i = 0, first = 0; i < n; i++) {
        if (pool[by_operation[i]].operation != pool[by_operation[first]].operation)
            first = i;
        if (first == i)
            kinds[kind_count++] = i;
        kin_first[by_operation[i]] = first;
        for (uint32_t k = first; k <= i; k++)
            kin_count[by_operation[k]] = i - first + 1;
    }
    for (uint32_t i = 0, first = 0; i < n; i++) {
        if (pool[by_operands[i]].operands != pool[by_operands[first]].operands)
            first = i;
        twin_first[by_operands[i]] = first;
        for (uint32_t k = first; k <= i; k++)
            twin_count[by_operands[k]] = i - first + 1;
    }
}

/* The entry of this operation with these operands, or EMPTY. */
static int find_entry(uint64_t operation, uint64_t operands)
{
    uint64_t low = 0, high = the_job->pool;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        const struct entry *e = pool + by_operation[middle];
        int side = by_words(e->operation, e->operands, operation, operands);
        if (side == 0)
            return (int)by_operation[middle];
        if (side < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return EMPTY;
}

/* -ln((i + 1/2) / CHANCES) without the mathematical library. */
static void make_chances(void)
{
    for (int i = 0; i < CHANCES; i++) {
        double x = (i + 0.5) / CHANCES, result = 0.0;
        while (x < 0.70710678) {
            x *= 2.0;
            result += 0.69314718055994531;
        }
        double y = (x - 1.0) / (x + 1.0), square = y * y, term = y;
        for (int k = 1; k < 20; k += 2, term *= square)
            result -= 2.0 * term / k;
        chance[i] = (float)result;
    }
}

/* --- moves ----------------------------------------------------------------------------------- */

static uint32_t below(uint32_t limit)
{
    return (uint32_t)(((next_random(&random_state) >> 32) * limit) >> 32);
}

/* Operations have equal chances, however many operands they come with. */
static int any_entry(void)
{
    uint32_t first = kinds[below(kind_count)];
    return (int)by_operation[first + below(kin_count[by_operation[first]])];
}

/* Another register in place of one, in every instruction from a place on. */
static void rename_register(struct sequence *s, uint32_t from_slot)
{
    int entry = s->slot[from_slot], other = any_entry();
    if (entry == EMPTY)
        return;
    unsigned from = (unsigned)(pool[entry].operands & 0xff);
    unsigned to = (unsigned)(pool[other].operands & 0xff);
    for (uint64_t i = from_slot; i < slots; i++) {
        if (s->slot[i] == EMPTY)
            continue;
        const struct entry *e = pool + s->slot[i];
        uint64_t operands = e->operands;
        for (int field = 0; field < 24; field += 8)
            if ((operands >> field & 0xff) == from)
                operands = (operands & ~(0xffULL << field)) | (uint64_t)to << field;
        int renamed = find_entry(e->operation, operands);
        if (renamed != EMPTY)
            s->slot[i] = renamed;
    }
}

static void move_slot(struct sequence *s, uint32_t from, uint32_t to)
{
    int moved = s->slot[from];
    if (from < to)
        memmove(s->slot + from, s->slot + from + 1, (to - from) * sizeof *s->slot);
    else
        memmove(s->slot + to + 1, s->slot + to, (from - to) * sizeof *s->slot);
    s->slot[to] = moved;
}

static void propose(struct sequence *s)
{
    uint32_t i = below((uint32_t)slots), j = below((uint32_t)slots), choice = below(16);
    int entry = s->slot[i];
    if (choice < 4 && entry != EMPTY) {
        s->slot[i] = (int)by_operands[twin_first[entry] + below(twin_count[entry])];
    } else if (choice < 8 && entry != EMPTY) {
        s->slot[i] = (int)by_operation[kin_first[entry] + below(kin_count[entry])];
    } else if (choice < 10) {
        s->slot[i] = s->slot[j];
        s->slot[j] = entry;
    } else if (choice < 11) {
        move_slot(s, i, j);
    } else if (choice < 12) {
        rename_register(s, i);
    } else if (choice < 14 && entry != EMPTY) {
        s->slot[i] = EMPTY;
    } else {
        s->slot[i] = any_entry();
    }
}

/* --- energy ---------------------------------------------------------------------------------- */

static uint64_t static_cost(const struct sequence *s)
{
    uint64_t cost = 0;
    for (uint64_t i = 0; i < slots; i++)
        if (s->slot[i] != EMPTY)
            cost += pool[s->slot[i]].cost;
    return cost;
}

static void lay_out(const struct sequence *s)
{
    unsigned char *p = guest_code;
    for (uint64_t i = 0; i < slots; i++) {
        if (s->slot[i] == EMPTY)
            continue;
        const struct entry *e = pool + s->slot[i];
        memcpy(p, e->code, 16);
        p += e->bytes;
    }
    *p = 0xc3; /* ret */
}

static unsigned bits(uint64_t word)
{
    return (unsigned)__builtin_popcountll(word);
}

/* How far one test's results are from gcc's. */
static unsigned distance(uint32_t test)
{
    static const int places[] = { 0, 1, 2, 6, 7, 8, 9, 10, 11 };
    const uint64_t *states = table(the_job->states_at), *expected = table(the_job->expected_at);
    uint64_t out[16];
    if (run_guest(states + 16 * test, out))
        return FAULT;
    unsigned sum = 0;
    for (uint64_t o = 0; o < the_job->outs; o++) {
        uint64_t right = expected[test * the_job->outs + o], mask = the_job->out_mask[o];
        unsigned least = bits((out[the_job->out_register[o]] ^ right) & mask);
        for (size_t k = 0; least > MISPLACED && k < sizeof places / sizeof *places; k++) {
            unsigned other = bits((out[places[k]] ^ right) & mask) + MISPLACED;
            least = other < least ? other : least;
        }
        sum += least;
    }
    return sum;
}

/* The energy of what was laid out, or something above `most` once it is known to be above. */
static double energy(uint64_t cost, double most, int *equal)
{
    double sum = (double)cost;
    unsigned apart = 0;
    for (uint64_t t = 0; t < the_job->quick && sum <= most; t++) {
        unsigned d = distance(order[t]);
        if (d && t) { /* what tells most apart comes first */
            uint32_t swap = order[t];
            order[t] = order[t - 1];
            order[t - 1] = swap;
        }
        apart += d;
        sum += d;
    }
    *equal = apart == 0 && sum <= most;
    return sum;
}

/* Is it right on all tests?  One that it fails on joins the quick ones. */
static int is_right(void)
{
    for (uint64_t t = the_job->quick; t < the_job->tests; t++)
        if (distance(order[t])) {
            uint32_t killer = order[t], place = below((uint32_t)the_job->quick);
            order[t] = order[place];
            order[place] = killer;
            return 0;
        }
    return 1;
}

static int holds(const struct sequence *s)
{
    lay_out(s);
    for (uint64_t t = 0; t < the_job->tests; t++)
        if (distance(order[t]))
            return 0;
    return 1;
}

/* Drops what is not needed and reports the rest. */
static void report(struct sequence s)
{
    for (uint64_t i = 0; i < slots; i++) {
        int entry = s.slot[i];
        s.slot[i] = EMPTY;
        if (entry != EMPTY && !holds(&s))
            s.slot[i] = entry;
    }
    uint64_t words[MOST_SLOTS + 2] = { static_cost(&s), proposals }, count = 2;
    for (uint64_t i = 0; i < slots; i++)
        if (s.slot[i] != EMPTY)
            words[count++] = (uint64_t)s.slot[i];
    best_cost = words[0];
    reported++;
    emit(RECORD_FOUND, words, count);
}

/* --- the walk -------------------------------------------------------------------------------- */

/* The n-th root of x between 0 and 1, by halving. */
static double root(double x, uint64_t n)
{
    double low = 0.0, high = 1.0;
    for (int i = 0; i < 80; i++) {
        double middle = (low + high) / 2, power = 1.0, square = middle;
        for (uint64_t k = n; k; k >>= 1, square *= square)
            power *= k & 1 ? square : 1.0;
        if (power < x)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void start_sequence(struct sequence *s, int at_target)
{
    const uint64_t *start = table(the_job->start_at);
    for (uint64_t i = 0; i < slots; i++)
        s->slot[i] = at_target && i < the_job->start ? (int)start[i] : EMPTY;
}

static int over(void)
{
    return proposals >= the_job->limit || elapsed() >= the_job->ticks ||
           reported >= the_job->results;
}

static void walk(int at_target, uint64_t steps)
{
    enum { COOLING = 256 };
    struct sequence now = { { 0 } }, next;
    int equal;
    start_sequence(&now, at_target);
    lay_out(&now);
    double here = energy(static_cost(&now), 1e30, &equal);
    double warm = at_target ? WARM_AT_TARGET : WARM, heat = warm;
    double cooling = root(COLD / warm, steps / COOLING + 1);
    for (uint64_t i = 0; i < steps && !over(); i++) {
        heat *= i % COOLING ? 1.0 : cooling;
        proposals++;
        next = now;
        propose(&next);
        uint64_t cost = static_cost(&next);
        double most = here + heat * chance[below(CHANCES)];
        lay_out(&next);
        double there = energy(cost, most, &equal);
        if (there > most)
            continue;
        now = next;
        here = there;
        accepted++;
        if (!equal || cost >= best_cost)
            continue;
        if (is_right())
            report(now);
        lay_out(&now);
        here = energy(cost, 1e30, &equal);
    }
}

static int is_possible(void)
{
    return the_job->pool && the_job->pool <= MOST_POOL && the_job->tests <= MOST_TESTS &&
           the_job->slots && the_job->quick;
}

void prepare_search(void)
{
    pool = table(the_job->pool_at);
    if (is_possible())
        sort_pool();
}

void search(void)
{
    slots = the_job->slots;
    random_state = the_job->seed;
    best_cost = the_job->cost;
    if (is_possible()) {
        make_chances();
        for (uint32_t t = 0; t < the_job->tests; t++)
            order[t] = t;
        uint64_t rounds = the_job->rounds ? the_job->rounds : 1;
        for (uint64_t round = 0; round < rounds && !over(); round++) {
            int at_target = the_job->start && round % 2 == 0;
            uint64_t few = FEW_SLOTS + round / 2 % 3 * FEW_SLOTS / 2;
            slots = at_target || few > the_job->slots ? the_job->slots : few;
            walk(at_target, the_job->limit / rounds);
        }
    }
    uint64_t why = proposals >= the_job->limit ? ENDED_LIMIT : ENDED_TIME;
    uint64_t last[] = { reported >= the_job->results ? ENDED_DONE : why, proposals, accepted,
                        guest_faults, guest_runs };
    emit(RECORD_END, last, 5);
}
