/* SPDX-License-Identifier: MIT */
/* What the benchmarks share: clocks, memory, files, and the line that a ratio is printed as:
 *   ratio NAME VALUE floor FLOOR ok|LOW        (higher is better)
 *   limit NAME VALUE UNIT at most LIMIT ok|HIGH
 *   figure NAME VALUE UNIT                     (nothing is asked of it)
 * The exit code is 1 when one is not ok. peers/table.awk puts limits and figures beside those of the peers, by NAME. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

double bench_cpu_us(void); /* of this process, user and system */
double bench_wall_us(void);
long bench_rss_kb(void);
long bench_file_bytes(const char *path); /* with its -wal; 0 when absent */

void bench_ratio(const char *name, double value, double floor);
void bench_limit(const char *name, double value, const char *unit, double limit);
void bench_figure(const char *name, double value, const char *unit);
int bench_done(void); /* the exit code */

double bench_middle(double *values, int count); /* the median; sorts them */

/* A fresh folder below the build folder (a real disk, not memory), removed at exit. */
const char *bench_folder(void);
