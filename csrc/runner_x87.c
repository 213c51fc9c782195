/* The x87 unit at the borders: as the convention has it when the code under test is entered and
 * when it calls out, and whether it was left so (design 5.3). */
#include "runner_state.h"

#include <string.h>

/* No register in use; rounding as the MXCSR has it, for fesetround() sets both. */
void prepare_x87(void)
{
    uint16_t rounding = now.head->mxcsr >> 13 & 3;
    now.x87_control = (uint16_t)(0x37f | rounding << 10);
    if (!rounding) {
        noise_upper(SSE_STATE); /* x87 not in use: control word 0x37f */
        return;
    }
    memset(guest_xstate, 0, MXCSR_AT);
    memcpy(guest_xstate + CONTROL_AT, &now.x87_control, 2);
    noise_upper(X87_STATE | SSE_STATE);
}

unsigned x87_word(int at)
{
    const unsigned char *p = guest_xstate_out + at;
    return p[0] | (unsigned)p[1] << 8;
}

int x87_kept(int results)
{
    unsigned status = x87_word(STATUS_AT), top = status >> 11 & 7, used = 0;
    for (int i = 0; i < results; i++)
        used |= 1u << ((top + (unsigned)i) & 7);
    return x87_word(CONTROL_AT) == now.x87_control &&
           guest_xstate_out[TAGS_AT] == used && !(status & 0x40);
}

/* Answers are made for results of any type: what is no number on the x87 stack becomes one. */
static void push_x87(const uint64_t *value, unsigned place)
{
    unsigned char *at = guest_xstate + STACK_AT + 16 * place;
    memcpy(at, value, ST_BYTES);
    at[7] = (unsigned char)((at[7] & 0x7f) | (at[8] || (at[9] & 0x7f) ? 0x80 : 0));
}

void answer_x87(const struct callee *callee, const struct answer *a)
{
    unsigned count = callee->flags & CALLEE_X87_TWO ? 2 : callee->flags & CALLEE_X87 ? 1 : 0;
    if (!count)
        return;
    unsigned char *status = guest_xstate + STATUS_AT + 1;
    *status = (unsigned char)((*status & ~0x38u) | (8 - count) << 3);
    guest_xstate[TAGS_AT] = (unsigned char)(0xff00 >> count);
    push_x87(a->xmm0, 0);
    if (count == 2)
        push_x87(a->xmm1, 1);
}
