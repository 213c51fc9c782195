/* How many rooms are taken at some time between two moments, and for how long in all. */
#include "kernel.h"

struct booking {
    uint32_t from, until;
    uint16_t room, rooms;
};

#pragma superopt
uint32_t booked_rooms(const struct booking *bookings, size_t count, uint32_t from, uint32_t until,
                      uint64_t *total)
{
    uint32_t rooms = 0;
    *total = 0;
    for (size_t i = 0; i < count; i++) {
        if (bookings[i].until <= from || bookings[i].from >= until)
            continue;
        uint32_t first = bookings[i].from > from ? bookings[i].from : from;
        uint32_t last = bookings[i].until < until ? bookings[i].until : until;
        *total += (uint64_t)(last - first) * bookings[i].rooms;
        rooms += bookings[i].rooms;
    }
    return rooms;
}

KERNEL(booked_rooms);

enum { HOTELS = 60, MOST = 150, ASKED = 4 };
static struct booking bookings[HOTELS][MOST];
static uint64_t totals[HOTELS][ASKED];

static void prepare(void)
{
    for (int h = 0; h < HOTELS; h++)
        for (int i = 0; i < MOST; i++) {
            struct booking *b = &bookings[h][i];
            b->from = 1600000000u + 3600 * below(24 * 90);
            b->until = b->from + 3600 * (2 + below(24 * 9));
            b->room = (uint16_t)below(400);
            b->rooms = (uint16_t)(chance(90) ? 1 : 2 + below(5));
        }
    keep(totals, sizeof totals);
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int h = 0; h < HOTELS; h++)
        for (uint32_t a = 0; a < ASKED; a++) {
            uint32_t from = 1600000000u + 86400 * (a * 20 + (uint32_t)h % 7);
            size_t count = h % 4 ? MOST : 10;
            sum = fold(sum, called(bookings[h], count, from, from + 86400 * 7, &totals[h][a]));
        }
    return sum;
}

BENCH(250, nothing)
