/* Which window lies under the pointer: the last of the list is on top; -1 for the desktop. */
#include "kernel.h"

struct window {
    int x, y, width, height;
    unsigned flags;
};

enum { HIDDEN = 1, CLICKS_FALL_THROUGH = 4 };

#pragma superopt
int tile_hit(const struct window *windows, int count, int x, int y)
{
    for (int i = count - 1; i >= 0; i--) {
        const struct window *w = &windows[i];
        if (w->flags & (HIDDEN | CLICKS_FALL_THROUGH))
            continue;
        if (x >= w->x && x < w->x + w->width && y >= w->y && y < w->y + w->height)
            return i;
    }
    return -1;
}

KERNEL(tile_hit);

enum { SCREENS = 20, WINDOWS = 60, POINTS = 60 };
static struct window screens[SCREENS][WINDOWS];
static int points[POINTS][2];

static void prepare(void)
{
    for (int s = 0; s < SCREENS; s++)
        for (int i = 0; i < WINDOWS; i++) {
            struct window *w = &screens[s][i];
            w->width = between(40, 400);
            w->height = between(20, 300);
            w->x = between(-50, 1880);
            w->y = between(-20, 1060);
            w->flags = chance(20) ? below(8) : 0;
        }
    for (int p = 0; p < POINTS; p++) {
        points[p][0] = between(0, 1919);
        points[p][1] = between(0, 1079);
    }
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int s = 0; s < SCREENS; s++)
        for (int p = 0; p < POINTS; p++)
            sum = fold(sum, (uint64_t)called(screens[s], s % 5 ? WINDOWS : 8, points[p][0],
                                             points[p][1]));
    return sum;
}

BENCH(200, nothing)
