/* Four elements of a vector, scaled and added to those of another. */
void saxpy(int *x, const int *y, int a)
{
    x[0] = a * x[0] + y[0];
    x[1] = a * x[1] + y[1];
    x[2] = a * x[2] + y[2];
    x[3] = a * x[3] + y[3];
}
