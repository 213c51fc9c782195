/* Which items to order and how many packs of each, so that the stock reaches its aim again. */
#include "kernel.h"

struct item {
    int32_t on_hand, on_order, reserved;
    int32_t least, aim;
    int32_t pack;
};

#pragma superopt
int64_t reorder_stock(const struct item *items, int count, int32_t *packs)
{
    int64_t pieces = 0;
    for (int i = 0; i < count; i++) {
        int64_t free = (int64_t)items[i].on_hand + items[i].on_order - items[i].reserved;
        packs[i] = 0;
        if (free >= items[i].least || items[i].pack <= 0)
            continue;
        int64_t missing = items[i].aim - free;
        if (missing <= 0)
            continue;
        packs[i] = (int32_t)((missing + items[i].pack - 1) / items[i].pack);
        pieces += (int64_t)packs[i] * items[i].pack;
    }
    return pieces;
}

KERNEL(reorder_stock);

enum { SHOPS = 60, ITEMS = 200 };
static struct item items[SHOPS][ITEMS];
static int32_t packs[SHOPS][ITEMS];

static void prepare(void)
{
    for (int s = 0; s < SHOPS; s++)
        for (int i = 0; i < ITEMS; i++) {
            struct item *item = &items[s][i];
            item->on_hand = between(0, 300);
            item->on_order = chance(20) ? between(1, 100) : 0;
            item->reserved = chance(30) ? between(1, 40) : 0;
            item->least = between(10, 200);
            item->aim = item->least + between(0, 300);
            item->pack = chance(2) ? 0 : between(1, 48);
        }
    keep(packs, sizeof packs);
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int s = 0; s < SHOPS; s++)
        sum = fold(sum, (uint64_t)called(items[s], s % 6 ? ITEMS : 15, packs[s]));
    return sum;
}

BENCH(200, nothing)
