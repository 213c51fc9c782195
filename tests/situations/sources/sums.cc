#include <cstdio>
#include <vector>

template <class T> T sum(const std::vector<T> &values)
{
    T total = 0;
    for (T value : values)
        total += value;
    return total;
}

struct Odd {
    int value;
};

int checked(int value)
{
    if (value % 2)
        throw Odd{value};
    return value / 2;
}

int main()
{
    std::printf("%d %.1f\n", sum<int>({1, 2, 3}), sum<double>({0.5, 1}));
    try {
        return checked(8) - checked(5);
    } catch (const Odd &odd) {
        std::printf("%d is odd\n", odd.value);
    }
    return 0;
}
