/* SPDX-License-Identifier: MIT */
/* The question of a tool's server (an interrupt of kind "elicitation"), for a person at a terminal: shown with its
 * fields and how to answer, and filled in line by line. What the server says is made harmless for the terminal, and
 * nothing is filled in that the person did not enter; an empty line takes a default that was shown, or leaves a field
 * out that need not be there. */
#pragma once
#include <fairlead/value.h>
#include <stdbool.h>
#include <stdio.h>

bool fl_form_is(const struct fl_value *question); /* the value of an interrupt */
void fl_form_show(FILE *file, const struct fl_value *question);
/* The answer as --resume takes it, with a place for each field; the caller frees it. */
char *fl_form_example(const struct fl_value *question);

/* In a conversation. */
struct fl_form;
struct fl_form *fl_form_create(const struct fl_value *question); /* referenced */
void fl_form_destroy(struct fl_form *form);                      /* NULL allowed */
/* Asks for the next field, on one line. */
void fl_form_prompt(const struct fl_form *form, FILE *file);
/* One line: NULL: there is more to ask. Otherwise the answer, a new reference. "decline" and "cancel" (with a slash
 * before them where a text is asked for) are answers; a line that does not fit is told so on `file`. */
struct fl_value *fl_form_take(struct fl_form *form, const char *line, FILE *file);
