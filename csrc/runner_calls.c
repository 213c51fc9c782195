/* What happens when the code under test calls out: stubs record, change memory and answer;
 * wraps let a local callee run and then destroy what it may destroy (design 5.4, 5.5).
 */
#include "runner_state.h"

#include <string.h>

static int on_stack(uint64_t value)
{
    return value >= (uint64_t)now.stack_low && value < (uint64_t)now.stack_high;
}

static void record_call(uint64_t number, const struct callee *callee)
{
    static const int order[6] = { RDI, RSI, RDX, RCX, R8, R9 };
    struct call call = { .callee = number };
    if ((guest_out.gpr[RSP] + 8) & 15)
        call.flags |= CALL_UNALIGNED;
    for (int i = 0; i < 6; i++) {
        call.gpr[i] = guest_out.gpr[order[i]] & callee->gpr_mask[i];
        if (on_stack(call.gpr[i])) {
            call.flags |= CALL_FRAME_POINTER;
            now.diag->flags |= DIAG_FRAME_POINTER;
        }
    }
    call.al = guest_out.gpr[RAX] & callee->al_mask;
    for (int i = 0; i < 8; i++) {
        memcpy(&call.xmm[i], guest_xstate_out + XMM_AREA + 16 * i, 8);
        call.xmm[i] &= callee->xmm_mask[i];
    }
    call.memory = hash_windows();
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
        guest_in.gpr[scratch[i]] = noise();
    guest_in.rflags = (guest_out.rflags & ~(uint64_t)FLAGS_NOISE) | (noise() & FLAGS_NOISE);
    guest_in.rflags &= ~(uint64_t)FLAG_DF;
    memcpy(guest_xstate, guest_xstate_out, xstate_bytes());
    for (int i = 0; i < 16; i++) {
        uint64_t word[2] = { noise(), noise() };
        memcpy(guest_xstate + XMM_AREA + 16 * i, word, 16);
    }
    uint64_t in_use = 3;
    if (!(now.env->request.flags & REQ_CLEAN_UPPER)) {
        in_use = xstate_mask;
        memcpy(guest_xstate + UPPER_AREA, now.noise_xstate + UPPER_AREA,
               xstate_bytes() - UPPER_AREA);
    }
    memcpy(guest_xstate + XSTATE_BV_AT, &in_use, 8);
    if (now.env->request.flags & REQ_STEP)
        guest_in.rflags |= FLAG_TF;
}

void pop_to_guest(uint64_t bytes)
{
    memcpy(&guest_in.rip, (void *)guest_out.gpr[RSP], 8);
    guest_in.gpr[RSP] = guest_out.gpr[RSP] + bytes;
}

/* Which answer is next; NULL when the case gives none. */
static const struct answer *next_answer(void)
{
    if (!now.head->answers)
        return NULL;
    uint64_t last = now.head->answers - 1;
    uint64_t wanted = now.answer_index < last ? now.answer_index : last;
    now.answer_index++;
    const unsigned char *p = now.answers;
    for (uint64_t i = 0;; i++) {
        const struct answer *a = (const struct answer *)p;
        if (i == wanted)
            return a;
        p += sizeof *a;
        for (uint64_t s = 0; s < a->stores; s++) {
            const struct store *st = (const struct store *)p;
            p += sizeof *st + padded(st->length);
        }
    }
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
        memcpy((void *)st->address, p + sizeof *st, st->length);
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
    const struct callee *callee = &now.env->callees[number];
    memcpy(guest_xstate, guest_xstate_out, xstate_bytes());
    memcpy(guest_in.gpr, guest_out.gpr, sizeof guest_in.gpr);
    guest_in.rflags = guest_out.rflags;
    if (callee->flags & CALLEE_WRAP) {
        if (!now.head->skew && ((guest_out.gpr[RSP] + 8) & 15))
            now.result->broken |= BROKEN_ALIGNMENT;
        if (now.shadow_depth == MAX_SHADOW)
            return 0;
        memcpy(&now.shadow[now.shadow_depth][0], (void *)guest_out.gpr[RSP], 8);
        now.shadow[now.shadow_depth++][1] = guest_out.gpr[RSP];
        uint64_t back = (uint64_t)runner_wrap_return;
        memcpy((void *)guest_out.gpr[RSP], &back, 8);
        guest_in.rip = callee->target;
        now.in_guest = 1;
        return 1;
    }
    if (callee->flags & CALLEE_REAL)
        return call_real(callee);
    record_call(number, callee);
    const struct answer *answer = next_answer();
    if (callee->flags & CALLEE_NORETURN || !answer || answer->flags & ANSWER_NORETURN) {
        now.result->status = STATUS_NORETURN;
        return 0;
    }
    scratch_noise();
    apply_answer(answer);
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
    now.shadow_depth--;
    uint64_t rax = guest_out.gpr[RAX], rdx = guest_out.gpr[RDX];
    unsigned char vectors[32];
    memcpy(vectors, guest_xstate_out + XMM_AREA, 32);
    scratch_noise();
    guest_in.gpr[RAX] = rax;
    guest_in.gpr[RDX] = rdx;
    memcpy(guest_xstate + XMM_AREA, vectors, 32);
    guest_in.rip = now.shadow[now.shadow_depth][0];
    now.in_guest = 1;
    return 1;
}
