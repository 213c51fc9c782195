/* Objects in the frame of the function under test that its callees get pointers to (design 5.5).
 *
 * gcc's code keeps them where `struct frame_object` says.  A run with REQ_REPORT writes down what
 * each call of it gets to see.  All other runs take views made of that: which argument leads to
 * which object and how far into it, and which bits of the objects are determined.  A rewrite may
 * have the objects anywhere in its own frame; what its callees see there must be the same.
 */
#include "runner_state.h"

#include <string.h>

enum { HEAD_WORDS = 2, VIEW_WORDS = sizeof(struct view) / 8, MAX_VIEWS = 1 << 12,
       CONTENT_WORDS = 1 << 14 };

static uint64_t frame_end; /* of the function under test */
static uint64_t bases[MAX_FRAME_OBJECTS];
static uint64_t shown, filled, filled_before; /* objects that callees know, that a stub wrote */
static uint64_t scope;              /* objects that the call at hand lies in the scope of */
static const struct view *view, *views_end;
static const uint64_t *masks;      /* of the next object shown */
static const uint64_t *next_views; /* those of the next case */
static uint64_t *cursor;           /* of the report */
static struct view views[MAX_VIEWS + 1]; /* in it, of this case; room for VIEW_END is kept */
static uint64_t contents[CONTENT_WORDS], views_used, contents_used;
static int full;

static int reports(void)
{
    return (now.env->request.flags & REQ_REPORT) != 0;
}

/* --- reporting ------------------------------------------------------------------------------- */

static void report(uint64_t place, uint64_t object, uint64_t offset, uint64_t bytes)
{
    uint64_t words = place == VIEW_SHOWN ? padded(bytes) / 8 : 0;
    if (full || views_used == MAX_VIEWS || CONTENT_WORDS - contents_used < words) {
        full = 1;
        return;
    }
    if (words) {
        contents[contents_used + words - 1] = 0;
        memcpy(contents + contents_used, (void *)bases[object], bytes);
        contents_used += words;
    }
    views[views_used++] = (struct view){ now.result->calls, place, object, offset, bytes };
}

/* The object of gcc's frame that an address lies in, or right behind; -1 unless there is one. */
static int object_at(uint64_t address)
{
    int inside = -1, behind = -1, found = 0;
    for (uint64_t i = 0; i < now.env->setup.frame_objects; i++) {
        const struct frame_object *o = &now.env->frame_objects[i];
        uint64_t at = address - (frame_end + (uint64_t)o->low);
        if (!(scope >> i & 1) || at > o->bytes)
            continue;
        if (at == o->bytes) {
            behind = (int)i;
            continue;
        }
        found++;
        inside = (int)i;
    }
    return found > 1 ? -1 : found ? inside : behind;
}

static void report_argument(uint64_t place, uint64_t value)
{
    int object = object_at(value);
    if (object < 0) {
        report(VIEW_UNKNOWN, 0, 0, 0);
        return;
    }
    bases[object] = frame_end + (uint64_t)now.env->frame_objects[object].low;
    shown |= (uint64_t)1 << object;
    uint64_t aligned = bases[object] & -bases[object];
    uint64_t align = now.env->frame_objects[object].align;
    report(place, (uint64_t)object, value - bases[object], aligned < align ? aligned : align);
}

/* A pointer into the frame that lies in the frame leads to what nobody compares. */
static int holds_stack_pointer(uint64_t object)
{
    const unsigned char *at = (const unsigned char *)bases[object];
    for (uint64_t i = 0; i + 8 <= now.env->frame_objects[object].bytes; i++) {
        uint64_t word;
        memcpy(&word, at + i, 8);
        if (on_stack(word))
            return 1;
    }
    return 0;
}

/* The same of memory that outlives the call. */
static int memory_holds_stack_pointer(void)
{
    const unsigned char *p = now.windows;
    for (uint64_t i = 0; i < now.head->windows; i++) {
        const struct window *w = (const struct window *)p;
        const uint64_t *word = (const uint64_t *)(padded(w->address));
        for (; w->flags & WINDOW_DUMP && (uint64_t)(word + 1) <= w->address + w->length; word++)
            if (on_stack(*word))
                return 1;
        p += sizeof *w + padded(w->length);
    }
    return 0;
}

static void report_objects(void)
{
    if (memory_holds_stack_pointer())
        report(VIEW_UNKNOWN, 0, 0, 0);
    for (uint64_t i = 0; i < now.env->setup.frame_objects; i++) {
        if (!(shown >> i & 1))
            continue;
        report(VIEW_SHOWN, i, 0, now.env->frame_objects[i].bytes);
        if (holds_stack_pointer(i))
            report(VIEW_UNKNOWN, 0, 0, 0);
    }
}

/* --- a call ---------------------------------------------------------------------------------- */

/* Which objects are in scope where the function under test calls; calls that its callees make, and
 * its own of itself, lie outside of what is known. */
static void enter_scope(void)
{
    uint64_t back;
    memcpy(&back, (void *)guest_out.gpr[RSP], 8);
    scope = 0;
    for (uint64_t i = 0; i < now.env->setup.sites; i++)
        if (now.env->sites[i].back == back) {
            scope = now.env->sites[i].objects;
            shown &= scope;
            return;
        }
    int tail_jump = guest_out.gpr[RSP] == frame_end - 8;
    if (shown && !tail_jump)
        report(VIEW_UNKNOWN, 0, 0, 0);
    shown = 0;
}

static const struct view *view_of(uint64_t place)
{
    for (const struct view *v = view; v < views_end && v->call == now.result->calls; v++)
        if (v->place == place)
            return v;
    return NULL;
}

static void unknown(void)
{
    now.diag->flags |= DIAG_FRAME_POINTER;
}

void frames_unseen(void)
{
    if (now.env->setup.frame_objects && reports())
        report(VIEW_UNKNOWN, 0, 0, 0);
    else
        unknown();
}

void frames_call(void)
{
    if (!now.env->setup.frame_objects)
        return;
    if (reports()) {
        enter_scope();
    } else {
        uint64_t still = 0;
        for (const struct view *v = view; v < views_end && v->call == now.result->calls; v++)
            still |= (uint64_t)(v->place == VIEW_SHOWN) << v->object;
        shown &= still;
    }
    filled &= shown;
    filled_before = filled;
}

/* Objects lie beside each other: a callee may change one and count on the other. */
static int overlaps(uint64_t object, uint64_t base)
{
    const struct frame_object *all = now.env->frame_objects;
    for (uint64_t i = 0; i < now.env->setup.frame_objects; i++)
        if (i != object && shown >> i & 1 && base < bases[i] + all[i].bytes &&
            bases[i] < base + all[object].bytes)
            return 1;
    return 0;
}

uint64_t frames_argument(uint64_t place, uint64_t value)
{
    if (reports()) {
        report_argument(place, value);
        return value;
    }
    const struct view *v = view_of(place);
    if (!v) {
        unknown();
        return value;
    }
    uint64_t base = value - v->offset, bytes = now.env->frame_objects[v->object].bytes;
    int known = shown >> v->object & 1;
    /* What lies below the stack pointer belongs to the callee. */
    if (base < guest_out.gpr[RSP] + 8 || base + bytes > (uint64_t)now.stack_high ||
        base & (v->bytes - 1) || (known && bases[v->object] != base) ||
        overlaps(v->object, base)) {
        unknown(); /* gcc's code must not come here */
        return FRAME_TAG | 0xffffffffu;
    }
    bases[v->object] = base;
    shown |= (uint64_t)1 << v->object;
    return FRAME_TAG | v->object << 32 | v->offset;
}

static uint64_t hash_determined(uint64_t h, const struct view *v)
{
    const unsigned char *content = (const unsigned char *)bases[v->object];
    for (uint64_t i = 0; i < v->bytes; i += 8) {
        uint64_t word = 0;
        memcpy(&word, content + i, v->bytes - i < 8 ? v->bytes - i : 8);
        h = mix((h ^ (word & masks[i / 8])) + v->object + 1);
    }
    return h;
}

uint64_t frames_hash(uint64_t h)
{
    if (!now.env->setup.frame_objects)
        return h;
    if (reports()) {
        report_objects();
        return h;
    }
    for (; view < views_end && view->call == now.result->calls; view++) {
        if (view->place == VIEW_UNKNOWN)
            unknown();
        if (view->place != VIEW_SHOWN)
            continue;
        h = shown >> view->object & 1 ? hash_determined(h, view) : mix(h + 1);
        masks += padded(view->bytes) / 8;
    }
    return h;
}

/* A callee fills what it sees for the first time, and later changes it more often than not. */
void *frames_place(uint64_t address, uint64_t length, uint64_t noise)
{
    uint64_t object = address >> 32 & 0xffff, offset = address & 0xffffffffu;
    if (object >= now.env->setup.frame_objects || !(shown >> object & 1) ||
        offset + length > now.env->frame_objects[object].bytes)
        return NULL;
    if (filled_before >> object & 1 && !(mix(noise + now.result->calls * 64 + object) & 3)) {
        if (reports())
            report(VIEW_KEPT, object, 0, 0);
        return NULL;
    }
    filled |= (uint64_t)1 << object;
    return (void *)(bases[object] + offset);
}

void frames_back(void)
{
    if (now.env->setup.frame_objects && reports())
        report(VIEW_BACK, 0, 0, 0);
}

int frames_over(void)
{
    return full || (view < views_end && view->place == VIEW_END);
}

/* --- a case ---------------------------------------------------------------------------------- */

void frames_batch(void)
{
    next_views = (const uint64_t *)(now.env->cases + now.env->request.views_offset);
    cursor = (uint64_t *)now.env->trace;
}

void frames_begin(uint64_t entry)
{
    const struct request *r = &now.env->request;
    frame_end = entry + 8;
    shown = filled = filled_before = 0;
    views_used = contents_used = 0;
    full = 0;
    view = views_end = NULL;
    if (!reports() &&
        next_views < (const uint64_t *)(now.env->cases + r->views_offset + r->views_bytes)) {
        view = (const struct view *)(next_views + HEAD_WORDS);
        views_end = view + next_views[1];
        masks = (const uint64_t *)views_end;
        next_views += next_views[0];
    }
}

/* What was reported goes where the parent finds it: how many words, how many views, these, and the
 * contents of the objects shown. */
void frames_end(void)
{
    if (!now.env->setup.frame_objects)
        return;
    if (!reports()) {
        for (; view < views_end; view++)
            if (view->place == VIEW_UNKNOWN)
                unknown();
        return;
    }
    if (memory_holds_stack_pointer())
        report(VIEW_UNKNOWN, 0, 0, 0);
    if (now.result->status == STATUS_TIMEOUT || now.result->status == STATUS_STEPS)
        views[views_used++] = (struct view){ now.result->calls, VIEW_END, 0, 0, 0 };
    uint64_t *end = (uint64_t *)(now.env->trace + now.env->trace_bytes);
    uint64_t words = HEAD_WORDS + VIEW_WORDS * views_used + contents_used;
    if ((uint64_t)(end - cursor) >= words) {
        cursor[0] = words;
        cursor[1] = views_used;
        memcpy(cursor + HEAD_WORDS, views, views_used * sizeof *views);
        memcpy(cursor + HEAD_WORDS + VIEW_WORDS * views_used, contents, 8 * contents_used);
        cursor += words;
    } else {
        cursor = end; /* what follows would belong to another case */
    }
    now.env->progress[1] = (uint64_t)(cursor - (uint64_t *)now.env->trace);
}
