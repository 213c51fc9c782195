/* How many of the dates in a file of records exist in the calendar. */
#include "kernel.h"

struct date {
    int16_t year;
    uint8_t month, day;
};

#pragma superopt
int valid_dates(const struct date *dates, int count)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int valid = 0;
    for (int i = 0; i < count; i++) {
        int year = dates[i].year, month = dates[i].month, day = dates[i].day;
        if (year < 1583 || month < 1 || month > 12 || day < 1)
            continue;
        int most = days[month - 1];
        if (month == 2 && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0))
            most = 29;
        if (day <= most)
            valid++;
    }
    return valid;
}

KERNEL(valid_dates);

enum { FILES = 150, RECORDS = 120 };
static struct date dates[FILES][RECORDS];

static void prepare(void)
{
    for (int f = 0; f < FILES; f++)
        for (int i = 0; i < RECORDS; i++) {
            dates[f][i].year = (int16_t)(chance(90) ? between(1950, 2030) : between(-100, 9999));
            dates[f][i].month = (uint8_t)(chance(95) ? between(1, 12) : between(0, 255));
            dates[f][i].day = (uint8_t)(chance(60) ? between(1, 28) : between(0, 33));
        }
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int f = 0; f < FILES; f++)
        sum = fold(sum, (uint64_t)called(dates[f], f % 4 ? RECORDS : 11));
    return sum;
}

BENCH(250, nothing)
