/* Enters the matches of a day into the table of a league. */
#include "kernel.h"

struct match {
    uint8_t home, away, home_goals, away_goals;
};

struct team {
    uint16_t played, points;
    int16_t balance;
    uint16_t won;
};

#pragma superopt
void league_table(struct team *table, const struct match *matches, int count)
{
    for (int i = 0; i < count; i++) {
        struct team *home = &table[matches[i].home];
        struct team *away = &table[matches[i].away];
        int goals = matches[i].home_goals - matches[i].away_goals;
        home->played++;
        away->played++;
        home->balance = (int16_t)(home->balance + goals);
        away->balance = (int16_t)(away->balance - goals);
        if (goals > 0) {
            home->points += 3;
            home->won++;
        } else if (goals < 0) {
            away->points += 3;
            away->won++;
        } else {
            home->points++;
            away->points++;
        }
    }
}

KERNEL(league_table);

enum { DAYS = 300, MATCHES = 40, TEAMS = 256 };
static struct match matches[DAYS][MATCHES];
static struct team table[TEAMS];

static void prepare(void)
{
    for (int d = 0; d < DAYS; d++)
        for (int i = 0; i < MATCHES; i++) {
            struct match *m = &matches[d][i];
            m->home = (uint8_t)below(d % 5 ? 20 : 256);
            m->away = (uint8_t)((m->home + 1 + below(19)) % 256);
            m->home_goals = (uint8_t)below(5);
            m->away_goals = (uint8_t)below(4);
        }
    keep(table, sizeof table);
}

static uint64_t work(void)
{
    for (int d = 0; d < DAYS; d++)
        called(table, matches[d], d % 4 ? MATCHES : 9);
    return table[3].points;
}

BENCH(300, nothing)
