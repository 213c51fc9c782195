#include <stdio.h>
#include <words.h>
#include "part.h"

int main(int argc, char **argv)
{
    for (unsigned i = 0; i < WORDS; i++)
        printf("%u%c", ones(i * 2654435761u + argc), i + 1 < WORDS ? ' ' : '\n');
    return argv[0] == 0;
}
