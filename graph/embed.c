/* SPDX-License-Identifier: MIT */
/* A program of the build, not of the product: writes a text file as a C source that defines a function which returns
 * it. Use: embed INPUT OUTPUT FUNCTION. */
#include <stdio.h>

static int write_bytes(FILE *in, FILE *out) {
  int c, column = 0;
  while ((c = fgetc(in)) != EOF) {
    if (column++ % 16 == 0) fputs("\n  ", out);
    fprintf(out, "%d,", c);
  }
  return ferror(in) || ferror(out);
}

int main(int argc, char **argv) {
  FILE *in = argc == 4 ? fopen(argv[1], "rb") : NULL;
  FILE *out = in != NULL ? fopen(argv[2], "wb") : NULL;
  if (out == NULL) {
    fprintf(stderr, "embed: needs INPUT OUTPUT FUNCTION, the first readable, the second writable\n");
    return 1;
  }
  fprintf(out, "/* Made by the build. */\nconst char *%s(void);\nstatic const char text[] = {", argv[3]);
  int failed = write_bytes(in, out);
  fprintf(out, "\n  0};\nconst char *%s(void) { return text; }\n", argv[3]);
  if (fclose(out) != 0) failed = 1;
  if (fclose(in) != 0) failed = 1;
  return failed;
}
