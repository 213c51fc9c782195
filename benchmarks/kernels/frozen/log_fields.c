/* Where the fields of a line of a web server's log begin: spaces part them, but not between
 * quotes or brackets. */
#include "kernel.h"

#pragma superopt
int log_fields(const char *line, int length, uint16_t *starts, int most)
{
    int fields = 0;
    int i = 0;
    while (i < length && fields < most) {
        while (i < length && line[i] == ' ')
            i++;
        if (i == length)
            break;
        starts[fields++] = (uint16_t)i;
        char close = ' ';
        if (line[i] == '"')
            close = '"';
        else if (line[i] == '[')
            close = ']';
        i++;
        while (i < length && line[i] != close)
            i++;
        if (i < length && close != ' ')
            i++;
    }
    return fields;
}

KERNEL(log_fields);

enum { LINES = 300, LONGEST = 300, MOST = 12 };
static char lines[LINES][LONGEST];
static int lengths[LINES];
static uint16_t starts[LINES][MOST];

static void prepare(void)
{
    static const char *const paths[] = { "/", "/index.html", "/shop/cart?item=", "/img/logo.png" };
    static const char agent[] = "of no name, like many others that come and go, again and again";
    for (int i = 0; i < LINES; i++) {
        unsigned r[10];
        for (int j = 0; j < 10; j++)
            r[j] = below(100000);
        lengths[i] = snprintf(lines[i], LONGEST,
                              "10.%u.%u.%u - %s [%02u/Mar/2021:%02u:%02u:11 +0100] \"GET %s%u "
                              "HTTP/1.1\" %u %u \"-\" \"agent/%u (%.*s)\"",
                              r[0] % 256, r[1] % 256, r[2] % 256, r[3] % 5 ? "-" : "somebody",
                              1 + r[4] % 28, r[4] % 24, r[5] % 60, paths[r[6] % 4], r[7],
                              r[8] % 10 ? 200 : 404, r[8], r[9] % 20, (int)(r[9] % 60), agent);
        if (chance(5))
            lengths[i] = (int)below((uint32_t)lengths[i] + 1);
    }
    keep(starts, sizeof starts);
}

static uint64_t work(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < LINES; i++)
        sum = fold(sum, (uint64_t)called(lines[i], lengths[i], starts[i], i % 10 ? MOST : 4));
    return sum;
}

BENCH(250, nothing)
