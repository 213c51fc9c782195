#include "hashbench.h"

#include <string.h>

/* Eight keys at a time: the leaves of a larger sort. */
#pragma superopt
void sort_eight(int values[8])
{
    for (int i = 1; i < 8; i++)
        for (int j = i; j > 0 && values[j - 1] > values[j]; j--) {
            int larger = values[j - 1];
            values[j - 1] = values[j];
            values[j] = larger;
        }
}

void bubble_sort(int *values, int count)
{
    for (int last = count - 1; last > 0; last--)
        for (int j = 0; j < last; j++)
            if (values[j] > values[j + 1]) {
                int larger = values[j];
                values[j] = values[j + 1];
                values[j + 1] = larger;
            }
}

void insertion_sort(int *values, int count)
{
    for (int i = 1; i < count; i++) {
        int value = values[i], j = i - 1;
        while (j >= 0 && values[j] > value) {
            values[j + 1] = values[j];
            j--;
        }
        values[j + 1] = value;
    }
}

void selection_sort(int *values, int count)
{
    for (int i = 0; i < count - 1; i++) {
        int least = i;
        for (int j = i + 1; j < count; j++)
            if (values[j] < values[least])
                least = j;
        int value = values[i];
        values[i] = values[least];
        values[least] = value;
    }
}

void shell_sort(int *values, int count)
{
    for (int gap = count / 2; gap > 0; gap /= 2)
        for (int i = gap; i < count; i++) {
            int value = values[i], j = i;
            for (; j >= gap && values[j - gap] > value; j -= gap)
                values[j] = values[j - gap];
            values[j] = value;
        }
}

static void sift_down(int *values, int root, int count)
{
    int value = values[root];
    for (int child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && values[child] < values[child + 1])
            child++;
        if (values[child] <= value)
            break;
        values[root] = values[child];
        root = child;
    }
    values[root] = value;
}

void heap_sort(int *values, int count)
{
    for (int i = count / 2 - 1; i >= 0; i--)
        sift_down(values, i, count);
    for (int end = count - 1; end > 0; end--) {
        int largest = values[0];
        values[0] = values[end];
        values[end] = largest;
        sift_down(values, 0, end);
    }
}

void quick_sort(int *values, int count)
{
    while (count > 1) {
        int pivot = values[count / 2], i = 0, j = count - 1;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i <= j) {
                int swapped = values[i];
                values[i++] = values[j];
                values[j--] = swapped;
            }
        }
        quick_sort(values, j + 1);
        values += i;
        count -= i;
    }
}

void merge_sort(int *values, int *scratch, int count)
{
    for (int width = 1; width < count; width *= 2) {
        for (int start = 0; start < count; start += 2 * width) {
            int middle = start + width < count ? start + width : count;
            int end = start + 2 * width < count ? start + 2 * width : count;
            int a = start, b = middle;
            for (int k = start; k < end; k++)
                scratch[k] = a < middle && (b >= end || values[a] <= values[b]) ? values[a++] : values[b++];
        }
        memcpy(values, scratch, (size_t)count * sizeof *values);
    }
}

void radix_sort(uint32_t *values, uint32_t *scratch, int count)
{
    for (int shift = 0; shift < 32; shift += 8) {
        int starts[257] = {0};
        for (int i = 0; i < count; i++)
            starts[(values[i] >> shift & 255) + 1]++;
        for (int i = 0; i < 256; i++)
            starts[i + 1] += starts[i];
        for (int i = 0; i < count; i++)
            scratch[starts[values[i] >> shift & 255]++] = values[i];
        memcpy(values, scratch, (size_t)count * sizeof *values);
    }
}
