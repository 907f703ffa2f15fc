/* YAML text <-> tree. libyaml allocates through malloc, whatever the arena's
 * allocator is. */
#ifndef BP__CONFIG_YAML_H
#define BP__CONFIG_YAML_H

#include "fmt/tree.h"

/* One document. NULL: nothing usable, and d says why. Duplicate keys are
 * problems; the first one stays. */
bp__ynode *bp__yaml_parse(bp__diags *d, const char *file, const char *text,
                          size_t bytes);

/* Applies "path.to.key=value" (value: YAML) to the tree. Steps of the path
 * are keys, or positions in a list from 0. Where a step meets a scalar, that
 * becomes a map: {} if the step is its text ("relu" -> {relu: {}}), or else
 * {"": scalar}, the argument that a short form stands for. */
void bp__yaml_override(bp__diags *d, bp__ynode *root, const char *option);

/* Writes the tree as YAML that parses into the same tree. */
void bp__yaml_print(const bp__ynode *root, bp__str *out);

#endif
