/* The smallest box around the sprites that are on the layer and visible. */
#include "kernel.h"

struct sprite {
    int16_t x, y, width, height;
    uint8_t layer, visible;
};

struct box {
    int left, top, right, bottom;
};

#pragma superopt
bool visible_bounds(const struct sprite *sprites, int count, uint8_t layer, struct box *box)
{
    bool found = false;
    for (int i = 0; i < count; i++) {
        const struct sprite *s = &sprites[i];
        if (!s->visible || s->layer != layer)
            continue;
        int right = s->x + s->width, bottom = s->y + s->height;
        if (!found) {
            box->left = s->x;
            box->top = s->y;
            box->right = right;
            box->bottom = bottom;
            found = true;
        } else {
            if (s->x < box->left)
                box->left = s->x;
            if (s->y < box->top)
                box->top = s->y;
            if (right > box->right)
                box->right = right;
            if (bottom > box->bottom)
                box->bottom = bottom;
        }
    }
    return found;
}

KERNEL(visible_bounds);

enum { SCENES = 64, SPRITES = 200, LAYERS = 3 };
static struct sprite scenes[SCENES][SPRITES];
static struct box boxes[SCENES][LAYERS];

static void prepare(void)
{
    for (int s = 0; s < SCENES; s++)
        for (int i = 0; i < SPRITES; i++) {
            struct sprite *sprite = &scenes[s][i];
            sprite->x = (int16_t)between(-200, 1900);
            sprite->y = (int16_t)between(-200, 1000);
            sprite->width = (int16_t)between(8, 128);
            sprite->height = (int16_t)between(8, 128);
            sprite->layer = (uint8_t)below(LAYERS);
            sprite->visible = s % 5 ? chance(80) : 1;
        }
    keep(boxes, sizeof boxes);
}

static uint64_t work(void)
{
    uint64_t found = 0;
    for (int s = 0; s < SCENES; s++)
        for (uint8_t layer = 0; layer < LAYERS; layer++)
            found += called(scenes[s], s % 4 ? SPRITES : 3 * s / 4, layer, &boxes[s][layer]);
    return found;
}

BENCH(160, nothing)
