/* Moves particles through one tick in a box: gravity, drag, walls that give back some speed. */
#include "kernel.h"

struct particle {
    float x, y, vx, vy;
    float life;
};

#pragma superopt
int particle_step(struct particle *all, int count, float tick, float width, float height)
{
    int alive = 0;
    for (int i = 0; i < count; i++) {
        struct particle *p = &all[i];
        if (p->life <= 0)
            continue;
        p->vy += 9.81f * tick;
        p->vx *= 0.99f;
        p->vy *= 0.99f;
        p->x += p->vx * tick;
        p->y += p->vy * tick;
        if (p->x < 0 || p->x > width) {
            p->vx = -p->vx * 0.6f;
            p->x = p->x < 0 ? 0 : width;
        }
        if (p->y < 0 || p->y > height) {
            p->vy = -p->vy * 0.6f;
            p->y = p->y < 0 ? 0 : height;
        }
        p->life -= tick;
        alive++;
    }
    return alive;
}

KERNEL(particle_step);

enum { FIELDS = 12, MOST = 400 };
static struct particle before[FIELDS][MOST], now[FIELDS][MOST];

static void prepare(void)
{
    for (int f = 0; f < FIELDS; f++)
        for (int i = 0; i < MOST; i++) {
            before[f][i].x = (float)below(6400) / 10;
            before[f][i].y = (float)below(4800) / 10;
            before[f][i].vx = (float)between(-3000, 3000) / 10;
            before[f][i].vy = (float)between(-3000, 3000) / 10;
            before[f][i].life = chance(15) ? 0 : (float)below(300) / 100;
        }
    keep(now, sizeof now);
}

static void refresh(void)
{
    memcpy(now, before, sizeof now);
}

static uint64_t work(void)
{
    uint64_t alive = 0;
    for (int tick = 0; tick < 8; tick++)
        for (int f = 0; f < FIELDS; f++)
            alive += (uint64_t)called(now[f], f % 4 ? MOST : 50, 0.05f, 640, 480);
    return alive;
}

BENCH(120, refresh)
