/* Vector registers at the borders: which halves are in use, what they hold, how much of them is
 * saved. */
#include "runner_state.h"

#include <string.h>

int returns_upper(void)
{
    return now.env->request.ymm0_mask[0] || now.env->request.ymm0_mask[1];
}

/* Local callees are entered with all that their caller has; else nobody looks at upper halves
 * but those of results, and at whether they are in use. */
uint32_t what_is_saved(void)
{
    for (uint64_t i = 0; i < now.env->setup.callees; i++)
        if (now.env->callees[i].flags & CALLEE_WRAP)
            return xstate_mask;
    uint32_t upper = X87_STATE | SSE_STATE | AVX_STATE;
    int looked_at = now.env->request.flags & REQ_CLEAN_UPPER || returns_upper();
    return looked_at ? upper & xstate_mask : 0;
}

void noise_upper(uint64_t legacy)
{
    uint64_t upper = xstate_mask & ~(uint64_t)(X87_STATE | SSE_STATE);
    uint64_t in_use = now.env->request.flags & REQ_CLEAN_UPPER ? legacy : legacy | upper;
    memcpy(guest_xstate + XSTATE_BV_AT, &in_use, 8);
    if (saved_mask == xstate_mask) /* otherwise nothing but arguments was written there */
        memcpy(guest_xstate + UPPER_AREA, now.noise_xstate + UPPER_AREA,
               xstate_bytes - UPPER_AREA);
    else if (now.head->wide)
        memcpy(guest_xstate + UPPER_AREA, now.noise_xstate + UPPER_AREA, UPPER_BYTES);
}

/* What is set is in use, and so are all others then. */
void set_upper(int number, const void *half)
{
    uint64_t in_use;
    memcpy(&in_use, guest_xstate + XSTATE_BV_AT, 8);
    in_use |= AVX_STATE & xstate_mask;
    memcpy(guest_xstate + XSTATE_BV_AT, &in_use, 8);
    memcpy(guest_xstate + UPPER_AREA + 16 * number, half, 16);
}

void pass_uppers(void)
{
    const unsigned char *from = now.uppers;
    for (int i = 0; i < 8; i++)
        if (now.head->wide >> i & 1) {
            set_upper(i, from);
            from += 16;
        }
}

void upper_out(int number, uint64_t half[2])
{
    uint64_t in_use;
    memcpy(&in_use, guest_xstate_out + XSTATE_BV_AT, 8);
    memset(half, 0, 16);
    if (saved_mask & in_use & AVX_STATE)
        memcpy(half, guest_xstate_out + UPPER_AREA + 16 * number, 16);
}
