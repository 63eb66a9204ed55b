/* SPDX-License-Identifier: MIT */
/* Runs at build time: turns the metaschema files into one C table. Usage: embed OUT.c IN.json…; a file in a folder
 * "meta" is named meta/NAME, any other NAME, below the address that the files themselves carry in $id. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_name(FILE *out, const char *path) {
  const char *slash = strrchr(path, '/');
  const char *name = slash != NULL ? slash + 1 : path;
  int is_vocabulary = slash != NULL && slash - path >= 4 && strncmp(slash - 4, "meta", 4) == 0;
  fprintf(out, "  {\"https://json-schema.org/draft/2020-12/%s%.*s\",\n   \"", is_vocabulary ? "meta/" : "",
          (int)(strlen(name) - strlen(".json")), name);
}

static void put_text(FILE *out, FILE *in) {
  for (int c; (c = fgetc(in)) != EOF;) {
    if (c == '\n') fputs("\\n\"\n   \"", out);
    else if (c == '"' || c == '\\') fprintf(out, "\\%c", c);
    else fputc(c, out);
  }
  fputs("\"},\n", out);
}

int main(int argc, char **argv) {
  FILE *out = argc > 2 ? fopen(argv[1], "w") : NULL;
  if (out == NULL) return 1;
  fputs("/* Generated from runtime/json/metaschema. */\n#include \"runtime/json/schema_load.h\"\n\n", out);
  fputs("const struct fl_schema_embedded fl_schema_embedded[] = {\n", out);
  for (int i = 2; i < argc; i++) {
    FILE *in = fopen(argv[i], "r");
    if (in == NULL) return 1;
    put_name(out, argv[i]);
    put_text(out, in);
    fclose(in);
  }
  fputs("  {NULL, NULL},\n};\n", out);
  return fclose(out) == 0 ? 0 : 1;
}
