/* Makes small letters capitals. */
#include "kernel.h"

#pragma superopt
void upper_case(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] - 'a' + 'A');
}

KERNEL(upper_case);
#define CALL(data, length) called((char *)(data), length)
#define ROUNDS 500
#include "drivers/change_bytes.h"
