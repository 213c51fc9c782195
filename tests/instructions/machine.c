/*
 * Runs each generated instruction on this CPU with random state and compares what changed with
 * what the instruction table names.  Prints one line per difference; exit status 1 if any.
 *
 * `stubs.s`, generated, holds `forms[]` and one stub per form that executes the instruction and
 * jumps to `machine_post`; `enter.S` loads and saves the whole state.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { VECTORS = 32, PAGE = 4096, ROUNDS = 8, RSP = 4, BASE = 6 };
/* In struct state's fx: control and status word, which registers are in use, and the registers. */
enum { CONTROL = 0, STATUS = 2, TAGS = 4, STACK = 32, STACK_FAULT = 0x40, MOST_DEEP = 8 };

struct state {
    uint64_t gpr[16], flags, mxcsr, k[8];
    uint8_t fx[512] __attribute__((aligned(64)));
    uint8_t vec[VECTORS][64] __attribute__((aligned(64)));
} __attribute__((aligned(64)));

struct memory { int8_t base; int8_t disp; uint8_t size, reads, writes; } __attribute__((packed));

/* Written by test_instructions_machine.py in this layout. */
struct form {
    char text[80];
    uint16_t flags_read, flags_written, flags_loose; /* loose: kept or undefined */
    uint8_t gpr_read[16], gpr_write[16], k_read, k_write, mxcsr;
    uint64_t vec_read[VECTORS], vec_write[VECTORS];
    uint8_t memories;
    struct memory memory[2];
    uint8_t goes; /* 0 no, 1 through a register, 2 through memory */
    uint8_t target; /* that register */
    uint8_t division, repeated;
    uint8_t x87, depth; /* of its stack: how many registers must be in use */
    int8_t pushes;
    uint8_t strict; /* with fewer of them it is a stack fault */
} __attribute__((packed));

struct state machine_in, machine_out;
void machine_enter(void (*code)(void));
extern char machine_post[];

extern const struct form forms[], forms_end[];
extern void (*const stubs[])(void);

static uint8_t *area;   /* three pages, the outer two inaccessible */
static uint8_t *page;
static uint8_t *locked; /* a page that can only be read */
static sigjmp_buf escape;
static uint64_t seed = 0x9E3779B97F4A7C15u;
static int failures;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545F4914F6CDD1Du;
}

static void on_fault(int number)
{
    siglongjmp(escape, number);
}

/* Runs the form from machine_in; 0, or the signal that it raised. */
static int execute(const struct form *form)
{
    int number = sigsetjmp(escape, 0);
    if (number == 0)
        machine_enter(stubs[form - forms]);
    return number;
}

static void complain(const struct form *form, const char *what, int where)
{
    static const char *last_text, *last_what;
    if ((form->text != last_text || what != last_what) && failures++ < 200)
        printf("%s: %s %d\n", form->text, what, where);
    last_text = form->text;
    last_what = what;
}

static void fill(void *at, size_t size)
{
    uint64_t *words = at; /* sizes are multiples of 8 */
    for (size_t i = 0; i < size / 8; i++)
        words[i] = rnd();
}

/* Floating point bits that are ordinary numbers half of the time. */
static void fill_vectors(struct state *s)
{
    fill(s->vec, sizeof s->vec);
    for (int v = 0; v < VECTORS; v++)
        if (rnd() >> 63)
            for (int i = 0; i < 8; i++) {
                double d = (double)(int32_t)rnd() / 16;
                memcpy(s->vec[v] + 8 * i, &d, 8);
            }
}

static void point(struct state *s, const struct form *form, uint8_t *at)
{
    for (int i = 0; i < form->memories; i++)
        s->gpr[form->memory[i].base] = (uint64_t)at + 512u * (unsigned)i;
    if (form->goes == 1)
        s->gpr[form->target] = (uint64_t)machine_post;
    if (form->division) {
        s->gpr[2] = 0;
        s->gpr[0] &= 0x7f7f7f7f7f7f007fu;
        for (int i = 3; i < 16; i++)
            s->gpr[i] |= i == RSP || i == BASE ? 0 : 1;
    }
    if (form->repeated)
        s->gpr[1] &= 1;
}

/* Where a jump through memory reads its destination; no divisor in memory is 0. */
static void aim(const struct form *form)
{
    if (form->division && form->memories)
        *(uint8_t *)(machine_in.gpr[form->memory[0].base] + (int64_t)form->memory[0].disp) |= 1;
    for (int i = 0; i < form->memories && form->goes == 2; i++)
        if (form->memory[i].reads) {
            uint64_t to = (uint64_t)machine_post;
            memcpy((void *)(machine_in.gpr[form->memory[i].base] + (int64_t)form->memory[i].disp),
                   &to, 8);
        }
}

/* The x87 stack with so many registers in use, numbers of all sizes and small ones in them. */
static void fill_x87(struct state *s, int depth)
{
    static const uint16_t roundings[] = {0x37f, 0x77f, 0xb7f, 0xf7f};
    uint16_t status = (uint16_t)((MOST_DEEP - depth) % MOST_DEEP << 11);
    memcpy(s->fx + CONTROL, &roundings[rnd() >> 62], 2);
    memcpy(s->fx + STATUS, &status, 2);
    s->fx[TAGS] = (uint8_t)(0xff00 >> depth);
    for (int i = 0; i < MOST_DEEP; i++) {
        long double value = (long double)(int64_t)rnd() / 65536;
        uint16_t exponent = (uint16_t)(rnd() % 0x7fff);
        memcpy(s->fx + STACK + 16 * i, &value, 10);
        if (rnd() >> 63)
            memcpy(s->fx + STACK + 16 * i + 8, &exponent, 2);
    }
}

static void random_state(const struct form *form, uint8_t *at)
{
    fill_x87(&machine_in, form->x87 ? form->depth + (int)(rnd() % (unsigned)(
        MOST_DEEP + 1 - form->depth - (form->pushes > 0))) : 0);
    fill(machine_in.gpr, sizeof machine_in.gpr);
    fill(machine_in.k, sizeof machine_in.k);
    fill_vectors(&machine_in);
    if ((rnd() & 7) == 0) /* zero sources, small counts */
        for (int i = 0; i < 16; i++)
            machine_in.gpr[i] = rnd() & 1;
    machine_in.flags = 0x202 | (rnd() & 0x8D5);
    machine_in.mxcsr = 0x1F80 | (rnd() & 0x6000);
    machine_in.gpr[RSP] = (uint64_t)page + 3072;
    point(&machine_in, form, at);
}

/* Do bytes named by the mask differ? */
static int differ(const uint8_t *a, const uint8_t *b, uint64_t mask)
{
    if (mask == 0 || memcmp(a, b, VECTOR_BYTES) == 0)
        return 0;
    for (int i = 0; i < VECTOR_BYTES; i++)
        if ((mask >> i & 1) && a[i] != b[i])
            return 1;
    return 0;
}

static int in_extent(const struct form *form, int writes, const uint8_t *address)
{
    for (int i = 0; i < form->memories; i++) {
        const struct memory *m = &form->memory[i];
        const uint8_t *start = (const uint8_t *)machine_in.gpr[m->base] + m->disp;
        if ((writes ? m->writes : m->reads) && address >= start && address < start + m->size)
            return 1;
    }
    return 0;
}

static unsigned status_of(const struct state *s)
{
    return s->fx[STATUS] | (unsigned)s->fx[STATUS + 1] << 8;
}

/* Did it push and pop as the table says, and find what it needs? */
static void check_stack(const struct form *form)
{
    unsigned before = status_of(&machine_in), after = status_of(&machine_out);
    int depth = __builtin_popcount(machine_in.fx[TAGS]) + form->pushes;
    if ((((after >> 11) - (before >> 11)) & 7) != (-(unsigned)form->pushes & 7))
        complain(form, "moves the top of the x87 stack otherwise", form->pushes);
    if (machine_out.fx[TAGS] != (uint8_t)(0xff00 >> depth))
        complain(form, "leaves other x87 registers in use", machine_out.fx[TAGS]);
    if (after & STACK_FAULT)
        complain(form, "is an x87 stack fault at depth", depth - form->pushes);
}

/* One register fewer, or no room for one more. */
static void check_depth(const struct form *form)
{
    int wrong = form->pushes > 0 ? MOST_DEEP : form->depth - 1;
    if (wrong < 0 || (!form->strict && form->pushes <= 0))
        return;
    random_state(form, page + 512);
    fill_x87(&machine_in, wrong);
    if (execute(form) != 0 || !(status_of(&machine_out) & STACK_FAULT))
        complain(form, "is no x87 stack fault at depth", wrong);
}

static void check_unchanged(const struct form *form, const uint8_t *before)
{
    const struct state *in = &machine_in, *out = &machine_out;
    for (int r = 0; r < 16; r++)
        for (int b = 0; b < 8; b++)
            if (!(form->gpr_write[r] >> b & 1) && ((in->gpr[r] ^ out->gpr[r]) >> 8 * b & 0xFF)) {
                complain(form, "changes general register", r);
                break;
            }
    for (int v = 0; v < VECTORS; v++)
        if (differ(in->vec[v], out->vec[v], ~form->vec_write[v]))
            complain(form, "changes vector register", v);
    for (int k = 0; k < 8; k++)
        if (!(form->k_write >> k & 1) && in->k[k] != out->k[k])
            complain(form, "changes mask register", k);
    uint64_t loose = (uint64_t)(form->flags_written | form->flags_loose);
    if ((in->flags ^ out->flags) & 0xFFF & ~loose)
        complain(form, "changes flags", (int)((in->flags ^ out->flags) & 0xFFF & ~loose));
    if ((in->mxcsr ^ out->mxcsr) & (form->mxcsr ? 0xFFC0 : 0xFFFF))
        complain(form, "changes mxcsr", (int)out->mxcsr);
    if (form->x87)
        check_stack(form);
    else if (memcmp(in->fx, out->fx, 24) != 0 || memcmp(in->fx + STACK, out->fx + STACK, 128) != 0)
        complain(form, "changes x87 state", 0);
    int changed = memcmp(page, before, PAGE) != 0;
    for (int i = 0; i < PAGE && changed; i++)
        if (page[i] != before[i] && !in_extent(form, 1, page + i)) {
            complain(form, "changes memory at", i);
            break;
        }
}

/* Results must not depend on what the table does not name as read. */
static void check_reads(const struct form *form, const uint8_t *before)
{
    static uint8_t after[PAGE];
    struct state first = machine_out;
    memcpy(after, page, PAGE);
    fill(page, PAGE);
    for (int i = 0; i < PAGE && form->memories; i++)
        if (in_extent(form, 0, page + i))
            page[i] = before[i];
    for (int r = 0; r < 16; r++)
        for (int b = 0; b < 8; b++)
            if (r != RSP && !(form->gpr_read[r] >> b & 1))
                machine_in.gpr[r] ^= (rnd() & 0xFF) << 8 * b;
    for (int v = 0; v < VECTORS; v++) {
        uint8_t kept[64];
        memcpy(kept, machine_in.vec[v], 64);
        fill(machine_in.vec[v], 64);
        for (int b = 0; b < 64 && form->vec_read[v]; b++)
            if (form->vec_read[v] >> b & 1)
                machine_in.vec[v][b] = kept[b];
    }
    for (int k = 0; k < 8; k++)
        if (!(form->k_read >> k & 1))
            machine_in.k[k] = rnd();
    machine_in.flags ^= rnd() & 0x8D5 & ~(uint64_t)form->flags_read;
    if (!form->mxcsr)
        machine_in.mxcsr ^= rnd() & 0x6000;
    if (execute(form) != 0) {
        complain(form, "faults only with other unread state", 0);
        return;
    }
    const struct state *out = &machine_out;
    for (int r = 0; r < 16; r++)
        for (int b = 0; b < 8; b++)
            if ((form->gpr_write[r] >> b & 1) && ((first.gpr[r] ^ out->gpr[r]) >> 8 * b & 0xFF)) {
                complain(form, "unnamed read changes general register", r);
                break;
            }
    for (int v = 0; v < VECTORS; v++)
        if (differ(first.vec[v], out->vec[v], form->vec_write[v]))
            complain(form, "unnamed read changes vector register", v);
    for (int k = 0; k < 8; k++)
        if ((form->k_write >> k & 1) && first.k[k] != out->k[k])
            complain(form, "unnamed read changes mask register", k);
    if ((first.flags ^ out->flags) & (uint64_t)form->flags_written)
        complain(form, "unnamed read changes flags",
                 (int)((first.flags ^ out->flags) & (uint64_t)form->flags_written));
    if (form->x87 && (memcmp(first.fx, out->fx, 6) || memcmp(first.fx + STACK, out->fx + STACK, 128)))
        complain(form, "unnamed read changes x87 state", 0);
    if (form->mxcsr && first.mxcsr != out->mxcsr)
        complain(form, "unnamed read changes mxcsr", 0);
    for (int i = 0; i < PAGE && form->memories; i++)
        if (in_extent(form, 1, page + i) && !form->repeated && after[i] != page[i]) {
            complain(form, "unnamed read changes memory at", i);
            break;
        }
}

/* Memory operands have exactly the size and the direction that the table names. */
static void check_extent(const struct form *form, int which)
{
    const struct memory *m = &form->memory[which];
    uint8_t *places[] = {page + PAGE - m->size, page + PAGE - m->size + 1, page, page - 1, locked};
    int faults[] = {0, 1, 0, 1, m->writes};
    const char *words[] = {"accesses more than its size", "accesses less than its size",
                           "accesses below its address", "accesses above its address",
                           "is wrong about writing"};
    if (form->goes == 2 && !m->writes)
        return;
    for (int i = 0; i < 5; i++) {
        random_state(form, page + 512);
        if (form->repeated)
            machine_in.gpr[1] = 1;
        machine_in.gpr[m->base] = (uint64_t)(places[i] - m->disp);
        int signal = execute(form);
        if ((signal == SIGSEGV || signal == SIGBUS) != faults[i])
            complain(form, words[i], which);
    }
}

static void check(const struct form *form)
{
    static uint8_t before[PAGE];
    for (int round = 0; round < ROUNDS; round++) {
        fill(page, PAGE);
        random_state(form, page + 512);
        aim(form);
        memcpy(before, page, PAGE);
        int signal = execute(form);
        if (signal != 0) {
            complain(form, "raises signal", signal);
            return;
        }
        check_unchanged(form, before);
        check_reads(form, before);
    }
    for (int i = 0; i < form->memories; i++)
        check_extent(form, i);
    if (form->x87)
        check_depth(form);
}

int main(void)
{
    static uint8_t stack[65536];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_ONSTACK | SA_NODEFER};
    area = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED || sigaltstack(&alternate, NULL) != 0)
        return 2;
    page = area + PAGE;
    locked = area + 3 * PAGE;
    if (mprotect(page, PAGE, PROT_READ | PROT_WRITE) || mprotect(locked, PAGE, PROT_READ))
        return 2;
    int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (int i = 0; i < 4; i++)
        sigaction(signals[i], &action, NULL);
    __asm__ volatile("fxsave64 %0" : "=m"(machine_in.fx));
    for (const struct form *form = forms; form != forms_end; form++)
        check(form);
    printf("%td forms, %d failures\n", forms_end - forms, failures);
    return failures != 0;
}
