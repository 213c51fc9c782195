#include "bits.h"

unsigned elsewhere(unsigned x)
{
    if (x == 7)
        throw Bits<unsigned>::ones(x);
    return Bits<unsigned>::ones(x * 2654435761u);
}
