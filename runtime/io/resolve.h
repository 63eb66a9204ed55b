/* SPDX-License-Identifier: MIT */
/* What a path leads to, links followed, as the kernel says it (openat2): a fact for who decides about the path, not a
 * promise about the moment after. */
#pragma once

/* A relative path is taken from the working folder, and must stay beneath it. 0: *ret_target is the path that it leads
 * to (relative again when it is; what is not there yet stays as it is), the caller's to free with fl_free. FL_E_DENIED:
 * it leads out of the folder, or through links that are none of files. Others: it cannot be said. */
int fl_resolve_path(const char *path, char **ret_target);
