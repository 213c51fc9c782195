#include <cstdio>
#include "bits.h"

int main(int count, char **)
{
    try {
        std::printf("%u %u\n", Bits<unsigned>::ones(12345), elsewhere(count == 2 ? 7 : 54321));
    } catch (unsigned thrown) {
        std::printf("%u\n", thrown);
    }
}
