/* SPDX-License-Identifier: MIT */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/sim.h"

#include <strings.h>

enum { PIECES_MAX = 4 };

/* SplitMix64 (Steele, Lea, Flood 2014): any seed is a good one, and two generators do not disturb each other. */
uint64_t sim_draw(uint64_t *state, uint64_t below) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return below > 0 ? z % below : z;
}

static void arm(struct sim_source *source) {
  if (source->is_armed || source->is_blocked || source->first == NULL) return;
  struct sim_world *world = source->world;
  source->node.due_us = source->first->due_us > world->now_us ? source->first->due_us : world->now_us;
  source->node.order = sim_draw(&world->order_state, 0);
  source->is_armed = true;
  fl_heap_push(&world->sources, &source->node);
}

static void disarm(struct sim_source *source) {
  if (source->is_armed) fl_heap_remove(&source->world->sources, &source->node);
  source->is_armed = false;
}

static void free_events(struct sim_event *event) {
  for (struct sim_event *next; event != NULL; event = next) {
    next = event->next;
    fl_free(event->data);
    fl_free(event);
  }
}

void sim_source_init(struct sim_source *source, struct sim_world *world) {
  *source = (struct sim_source){.world = world};
}

void sim_source_clear(struct sim_source *source) {
  if (source->world == NULL) return;
  disarm(source);
  free_events(source->first);
  source->first = source->last = NULL;
}

void sim_source_drop_later(struct sim_source *source) {
  struct sim_event **link = &source->first;
  source->last = NULL;
  while (*link != NULL && (*link)->due_us <= source->world->now_us) {
    source->last = *link;
    link = &(*link)->next;
  }
  struct sim_event *later = *link;
  *link = NULL;
  if (source->first == NULL) disarm(source);
  free_events(later);
}

void sim_source_block(struct sim_source *source, bool blocked) {
  source->is_blocked = blocked;
  if (blocked) disarm(source);
  else arm(source);
}

struct sim_event *sim_push(struct sim_source *source, uint32_t delay_ms, void (*fire)(struct sim_event *), void *user) {
  struct sim_event *event = fl_new(struct sim_event);
  int64_t now_us = source->world->now_us;
  int64_t from_us = source->last != NULL && source->last->due_us > now_us ? source->last->due_us : now_us;
  event->due_us = from_us + (int64_t)delay_ms * 1000;
  event->fire = fire;
  event->user = user;
  if (source->last != NULL) source->last->next = event;
  else source->first = event;
  source->last = event;
  arm(source);
  return event;
}

struct sim_event *sim_push_far(struct sim_source *source, uint32_t delay_ms, void (*fire)(struct sim_event *),
                               void *user) {
  struct sim_world *world = source->world;
  uint32_t jitter_ms =
      world->jitter_ms > 0 ? (uint32_t)sim_draw(&world->order_state, (uint64_t)world->jitter_ms + 1) : 0;
  return sim_push(source, delay_ms + jitter_ms, fire, user);
}

void sim_push_data(struct sim_source *source, uint32_t delay_ms, fl_slice data, void (*fire)(struct sim_event *),
                   void *user) {
  for (size_t pieces = 1; data.size > 0; pieces++) {
    bool cuts = source->world->splits && data.size > 1 && pieces < PIECES_MAX;
    size_t size = cuts ? 1 + sim_draw(&source->world->order_state, data.size) : data.size;
    struct sim_event *event = sim_push_far(source, pieces == 1 ? delay_ms : 0, fire, user);
    event->data = fl_strndup(data.data, size);
    event->size = size;
    data.data += size;
    data.size -= size;
  }
}

bool fl_world_sim_step(struct fl_world *base) {
  struct sim_world *world = sim_world_of(base);
  struct fl_heap_node *top = fl_heap_top(&world->sources);
  if (top == NULL || (world->is_crashed && !world->is_buried)) return false;
  struct sim_source *source = (struct sim_source *)((char *)top - offsetof(struct sim_source, node));
  disarm(source);
  if (source->node.due_us > world->now_us) world->now_us = source->node.due_us;
  struct sim_event *event = source->first;
  source->first = event->next;
  if (source->first == NULL) source->last = NULL;
  event->next = NULL;
  arm(source);
  event->fire(event);
  free_events(event);
  return true;
}

void sim_thing_add(struct sim_world *world, struct sim_thing *thing) {
  thing->head.world = &world->base;
  thing->next = world->things;
  thing->link = &world->things;
  if (thing->next != NULL) thing->next->link = &thing->next;
  world->things = thing;
}

void sim_thing_remove(struct sim_thing *thing) {
  *thing->link = thing->next;
  if (thing->next != NULL) thing->next->link = thing->link;
  thing->next = NULL;
  thing->link = NULL;
}

char **sim_copy_texts(const char *const *texts) {
  if (texts == NULL) return NULL;
  size_t count = 0;
  while (texts[count] != NULL) count++;
  char **copy = fl_new_array(char *, count + 1);
  for (size_t i = 0; i < count; i++) copy[i] = fl_strdup(texts[i]);
  return copy;
}

void sim_free_texts(char **texts) {
  for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) fl_free(texts[i]);
  fl_free(texts);
}

const char *sim_find_header(char *const *headers, const char *name) {
  size_t size = strlen(name);
  for (; headers != NULL && *headers != NULL; headers++) {
    if (strncasecmp(*headers, name, size) != 0 || (*headers)[size] != ':') continue;
    const char *value = *headers + size + 1;
    return value + strspn(value, " \t");
  }
  return NULL;
}
