/* SPDX-License-Identifier: MIT */
/* What a node of a subgraph says to the graph above, as it is stored: a run that dies before the graph above has taken
 * it says it again, and the node does not run again. Pure. */
#include "graph/core.h"

#include "runtime/base/mem.h"

void fl_upward_store(struct fl_run *run, const struct fl_planned *task) {
  if (run->ephemeral) return;
  FL_VALUE_AUTO stored = fl_object();
  struct fl_value *writes = fl_array(), *gotos = fl_array();
  const struct fl_parent_command *command = &run->to_parent;
  for (size_t i = 0; i < command->write_count; i++) {
    struct fl_value *one = fl_array();
    fl_append_take(one, fl_string(command->writes[i].channel));
    fl_append_take(one, fl_value_ref(command->writes[i].value));
    fl_append_take(writes, one);
  }
  for (size_t i = 0; i < command->goto_count; i++) {
    struct fl_value *one = fl_array();
    fl_append_take(one, fl_string(command->gotos[i].node));
    if (command->gotos[i].arg != NULL) fl_append_take(one, fl_value_ref(command->gotos[i].arg));
    fl_append_take(gotos, one);
  }
  fl_set_take(stored, "writes", writes);
  fl_set_take(stored, "gotos", gotos);
  struct fl_records records = {0};
  fl_checkpoint_write(run, task, FL_WRITE_PARENT, stored, &records);
  fl_checkpoint_heads(run, task, &records);
  fl_run_commit(run, &records, run->checkpoint_no);
}

void fl_upward_attach(struct fl_run *run, const struct fl_value *stored) {
  const struct fl_value *writes = fl_get(stored, "writes"), *gotos = fl_get(stored, "gotos");
  fl_parent_command_deinit(&run->to_parent);
  run->to_parent = (struct fl_parent_command){.writes = fl_new_array(struct fl_write, fl_size(writes)),
                                              .gotos = fl_new_array(struct fl_goto, fl_size(gotos))};
  for (size_t i = 0; i < fl_size(writes); i++) {
    const char *channel = fl_as_string(fl_at(fl_at(writes, i), 0));
    struct fl_value *value = fl_at(fl_at(writes, i), 1);
    if (channel == NULL || value == NULL) continue;
    run->to_parent.writes[run->to_parent.write_count++] = (struct fl_write){fl_strdup(channel), fl_value_ref(value)};
  }
  for (size_t i = 0; i < fl_size(gotos); i++) {
    const char *node = fl_as_string(fl_at(fl_at(gotos, i), 0));
    if (node == NULL) continue;
    run->to_parent.gotos[run->to_parent.goto_count++] =
        (struct fl_goto){fl_strdup(node), fl_value_ref(fl_at(fl_at(gotos, i), 1))};
  }
  run->has_said_upward = true;
}
