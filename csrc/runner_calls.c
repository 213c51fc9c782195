/* What happens when the code under test calls out: stubs record, change memory and answer;
 * wraps let a local callee run and then destroy what it may destroy (design 5.4, 5.5).
 */
#include "runner_state.h"

#include <string.h>

static uint64_t argument(const struct callee *callee, int place)
{
    static const int order[6] = { RDI, RSI, RDX, RCX, R8, R9 };
    return guest_out.gpr[order[place]] & callee->gpr_mask[place];
}

/* Where a callee's arguments on the stack lie; NULL for a stack that holds none. */
static uint64_t *stack_arguments(const struct callee *callee)
{
    uint64_t at = guest_out.gpr[RSP] + 8, last = at + 8 * callee->stack_words;
    return on_stack(at) && on_stack(last) ? (uint64_t *)at : NULL;
}

static uint64_t stack_argument(const struct callee *callee, uint64_t place)
{
    uint64_t word, *words = stack_arguments(callee);
    if (!words)
        return 0;
    memcpy(&word, words + place, 8);
    return word & callee->stack_mask[place];
}

static uint64_t high_half(int number)
{
    uint64_t half;
    memcpy(&half, guest_xstate_out + XMM_AREA + 16 * number + 8, 8);
    return half;
}

/* All that a callee is passed in other places than the registers recorded one by one. */
static uint64_t more_arguments(const struct callee *callee)
{
    if (!callee->xmm_whole && !callee->stack_words)
        return 0;
    uint64_t h = 1;
    for (int i = 0; i < 8; i++)
        if (callee->xmm_whole >> i & 1)
            h = mix(h + high_half(i)) + 1;
    for (uint64_t i = 0; i < callee->stack_words; i++) {
        uint64_t word = stack_argument(callee, i);
        if (on_stack(word))
            frames_unseen();
        h = mix(h + word) + 1;
    }
    return h;
}

/* They belong to the callee. */
static void destroy_stack_arguments(const struct callee *callee)
{
    uint64_t *words = callee->stack_words ? stack_arguments(callee) : NULL;
    for (uint64_t i = 0; words && i < callee->stack_words; i++) {
        uint64_t word = odd_noise();
        memcpy(words + i, &word, 8);
    }
}

static void record_call(uint64_t number, const struct callee *callee)
{
    struct call call = { .callee = number };
    if ((guest_out.gpr[RSP] + 8) & 15)
        call.flags |= CALL_UNALIGNED;
    frames_call();
    for (int i = 0; i < 6; i++) {
        call.gpr[i] = argument(callee, i);
        if (on_stack(call.gpr[i]))
            call.gpr[i] = frames_argument((uint64_t)i, call.gpr[i]);
    }
    call.al = guest_out.gpr[RAX] & callee->al_mask;
    for (int i = 0; i < 8; i++) {
        memcpy(&call.xmm[i], guest_xstate_out + XMM_AREA + 16 * i, 8);
        call.xmm[i] &= callee->xmm_mask[i];
    }
    call.more = more_arguments(callee);
    call.memory = frames_hash(hash_windows());
    log_step_of(STEP_CALL, number, 0);
    uint64_t used = sizeof *now.result + dump_bytes() + now.result->calls * sizeof call;
    if (used + sizeof call <= now.result_limit)
        memcpy((unsigned char *)now.result + used, &call, sizeof call);
    now.result->calls++;
    now.result->call_hash = hash_bytes(now.result->call_hash, (unsigned char *)&call, sizeof call);
}

void scratch_noise(void) /* a callee may destroy every caller-saved register */
{
    static const int scratch[] = { RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11 };
    memcpy(guest_in.gpr, guest_out.gpr, sizeof guest_in.gpr);
    for (size_t i = 0; i < sizeof scratch / sizeof *scratch; i++)
        guest_in.gpr[scratch[i]] = odd_noise();
    guest_in.rflags = (guest_out.rflags & ~(uint64_t)FLAGS_NOISE) | (noise() & FLAGS_NOISE);
    guest_in.rflags &= ~(uint64_t)FLAG_DF;
    memcpy(guest_xstate, guest_xstate_out, XMM_AREA);
    for (int i = 0; i < 16; i++) {
        uint64_t word[2] = { noise() ^ now.opposite, noise() ^ now.opposite };
        memcpy(guest_xstate + XMM_AREA + 16 * i, word, 16);
    }
    noise_upper(X87_STATE | SSE_STATE);
    if (now.env->request.flags & REQ_STEP)
        guest_in.rflags |= FLAG_TF;
}

void pop_to_guest(uint64_t bytes)
{
    memcpy(&guest_in.rip, (void *)guest_out.gpr[RSP], 8);
    guest_in.gpr[RSP] = guest_out.gpr[RSP] + bytes;
}

/* What an argument points to, and how much of it counts; NULL for what is no pointer to memory of
 * this case. */
static const unsigned char *pointed(uint64_t value, uint64_t *bytes)
{
    const unsigned char *p = now.windows;
    for (uint64_t i = 0; i < now.head->windows; i++) {
        const struct window *w = (const struct window *)p;
        if (value >= w->address && value - w->address < w->length) {
            uint64_t left = w->length - (value - w->address), key = now.head->manner >> 8;
            *bytes = key < left ? key : left;
            return (const unsigned char *)value;
        }
        p += sizeof *w + padded(w->length);
    }
    return NULL;
}

/* An argument's value as its callee sees it, the same wherever memory and the image lie. */
static uint64_t seen(uint64_t value)
{
    uint64_t bytes, word = 0;
    const unsigned char *at = pointed(value, &bytes);
    if (!at)
        return value >> 24 && !(value >> 47) ? 1 : value;
    log_step_of(STEP_LOOK, value, bytes);
    memcpy(&word, at, bytes < 8 ? bytes : 8);
    return word;
}

static uint64_t chosen_by_arguments(uint64_t number, const struct callee *callee)
{
    uint64_t words[15 + 8 + MAX_CALL_WORDS] = { number }, *more = words + 15;
    for (int i = 0; i < 6; i++)
        words[1 + i] = seen(argument(callee, i));
    for (int i = 0; i < 8; i++) {
        memcpy(&words[7 + i], guest_xstate_out + XMM_AREA + 16 * i, 8);
        words[7 + i] &= callee->xmm_mask[i];
        if (callee->xmm_whole >> i & 1)
            *more++ = high_half(i);
    }
    for (uint64_t i = 0; i < callee->stack_words; i++)
        *more++ = seen(stack_argument(callee, i));
    uint64_t bytes = (uint64_t)(more - words) * 8;
    return hash_bytes(0, (const unsigned char *)words, bytes) % now.head->answers;
}

static const unsigned char *behind(const struct answer *a)
{
    const unsigned char *p = (const unsigned char *)(a + 1);
    for (uint64_t s = 0; s < a->stores; s++) {
        const struct store *st = (const struct store *)p;
        p += sizeof *st + padded(st->length);
    }
    return p;
}

/* The answer to this call; NULL when the case gives none. */
static const struct answer *next_answer(uint64_t number, const struct callee *callee)
{
    if (!now.head->answers)
        return NULL;
    if ((now.head->manner & MANNER_MASK) == MANNER_ARGUMENTS) {
        const struct answer *a = (const struct answer *)now.answers;
        for (uint64_t i = chosen_by_arguments(number, callee); i; i--)
            a = (const struct answer *)behind(a);
        return a;
    }
    if (!now.answer_index)
        now.answer = now.answers;
    const struct answer *a = (const struct answer *)now.answer;
    if (++now.answer_index < now.head->answers)
        now.answer = behind(a);
    return a;
}

/* The result of a comparison function: positive and negative numbers of any size, and every other
 * function sorts the other way round. */
static uint64_t compared(uint64_t number, const struct callee *callee, uint64_t noise)
{
    uint64_t one = seen(argument(callee, callee->flags >> 8 & 7));
    uint64_t other = seen(argument(callee, callee->flags >> 12 & 7));
    int64_t sign = (one > other) - (one < other);
    return (uint64_t)((number & 1 ? -sign : sign) * (int64_t)(1 + (noise & 0xff)));
}

static void apply_answer(const struct answer *a)
{
    guest_in.gpr[RAX] = a->rax;
    guest_in.gpr[RDX] = a->rdx;
    memcpy(guest_xstate + XMM_AREA, a->xmm0, 16);
    memcpy(guest_xstate + XMM_AREA + 16, a->xmm1, 16);
    const unsigned char *p = (const unsigned char *)(a + 1);
    for (uint64_t s = 0; s < a->stores; s++) {
        const struct store *st = (const struct store *)p;
        void *to = (void *)st->address;
        if (st->address >> 48 == FRAME_TAG >> 48)
            to = frames_place(st->address, st->length, a->rdx);
        if (to)
            memcpy(to, p + sizeof *st, st->length);
        p += sizeof *st + padded(st->length);
    }
}

/* A stub or wrap was called.  Returns 1 to resume the guest from guest_in, 0 to end the case. */
int on_gate(void)
{
    now.in_guest = 0;
    uint64_t number;
    memcpy(&number, (void *)guest_out.gpr[RSP], 8);
    guest_out.gpr[RSP] += 8;
    if (number >= now.env->setup.callees)
        return 0;
    if (out_of_time()) {
        now.result->status = STATUS_TIMEOUT;
        return 0;
    }
    const struct callee *callee = &now.env->callees[number];
    if (callee->flags & CALLEE_WRAP) {
        memcpy(guest_xstate, guest_xstate_out, xstate_bytes);
        memcpy(guest_in.gpr, guest_out.gpr, sizeof guest_in.gpr);
        guest_in.rflags = guest_out.rflags;
        if (!now.head->skew && ((guest_out.gpr[RSP] + 8) & 15))
            now.result->broken |= BROKEN_ALIGNMENT;
        if (now.shadow_depth == MAX_SHADOW)
            return 0;
        memcpy(&now.shadow[now.shadow_depth][0], (void *)guest_out.gpr[RSP], 8);
        now.shadow[now.shadow_depth][2] = callee->flags & CALLEE_WIDE;
        now.shadow[now.shadow_depth++][1] = guest_out.gpr[RSP];
        uint64_t back = (uint64_t)runner_wrap_return;
        memcpy((void *)guest_out.gpr[RSP], &back, 8);
        guest_in.rip = callee->target;
        now.in_guest = 1;
        return 1;
    }
    if (callee->flags & CALLEE_REAL)
        return call_real(callee);
    if (frames_over()) {
        now.result->status = STATUS_STEPS;
        return 0;
    }
    record_call(number, callee);
    if (!x87_kept(0))
        now.result->broken |= BROKEN_X87;
    const struct answer *answer = next_answer(number, callee);
    if (callee->flags & CALLEE_NORETURN || !answer || answer->flags & ANSWER_NORETURN) {
        now.result->status = STATUS_NORETURN;
        return 0;
    }
    int orders = callee->flags & CALLEE_ORDERS &&
                 (now.head->manner & MANNER_MASK) == MANNER_ORDER;
    uint64_t order = orders ? compared(number, callee, answer->rdx) : 0;
    scratch_noise();
    destroy_stack_arguments(callee);
    apply_answer(answer);
    answer_x87(callee, answer);
    if (orders)
        guest_in.gpr[RAX] = order;
    if (callee->flags & CALLEE_PLACE) {
        guest_in.gpr[RAX] = guest_out.gpr[RDI];
        frames_back();
    }
    pop_to_guest(8);
    now.in_guest = 1;
    return 1;
}

/* A wrapped local callee returned: its result stays, every other scratch register is noise. */
int on_wrap_return(void)
{
    now.in_guest = 0;
    if (!now.shadow_depth || now.shadow[now.shadow_depth - 1][1] + 8 != guest_out.gpr[RSP])
        return 0;
    uint64_t upper[2], wide = now.shadow[--now.shadow_depth][2];
    upper_out(0, upper);
    uint64_t rax = guest_out.gpr[RAX], rdx = guest_out.gpr[RDX];
    unsigned char vectors[32];
    memcpy(vectors, guest_xstate_out + XMM_AREA, 32);
    scratch_noise();
    guest_in.gpr[RAX] = rax;
    guest_in.gpr[RDX] = rdx;
    memcpy(guest_xstate + XMM_AREA, vectors, 32);
    if (wide)
        set_upper(0, upper);
    guest_in.rip = now.shadow[now.shadow_depth][0];
    now.in_guest = 1;
    return 1;
}
