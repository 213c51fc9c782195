/* Bytes of some kinds, beside those of kernel.h. */
static inline void random_hex(uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = chance(99) ? (uint8_t)"0123456789abcdefABCDEF"[below(22)] : (uint8_t)any();
}

static inline void random_varints(uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(below(128) | (chance(35) ? 128 : 0));
}

/* Some stretches hold more than ASCII. */
static inline void random_utf8(uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size;)
        if (i + 2 <= size && i % 4096 < 1024 && chance(12)) {
            data[i++] = (uint8_t)(0xc3 + below(2));
            data[i++] = (uint8_t)(0x80 + below(64));
        } else if (i + 3 <= size && i % 4096 < 1024 && chance(3)) {
            data[i++] = (uint8_t)(0xe1 + below(12));
            data[i++] = (uint8_t)(0x80 + below(64));
            data[i++] = (uint8_t)(0x80 + below(64));
        } else {
            data[i++] = (uint8_t)(32 + below(95));
        }
}

static inline void random_strings(uint8_t *data, size_t size)
{
    random_text((char *)data, size);
    for (size_t i = 0; i < size; i += below(90) + 1)
        data[i] = 0;
    data[size - 1] = 0;
}

static inline void random_runs(uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = i && chance(i % 8192 < 4096 ? 90 : 40) ? data[i - 1] : (uint8_t)any();
}
