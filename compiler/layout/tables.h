/* Lays the table nodes of a layout, and its outcomes, into bytes. */
#ifndef SKLC_LAYOUT_TABLES_H
#define SKLC_LAYOUT_TABLES_H

#include "compiler/pipeline.h"
#include "layout.h"

/* Fills in the machines' steps, table_refs, rows_of, the regions and the tables' bytes. False when there
 * are more than BYTES_MAX, or more steps than tags: object.table_bytes says how many were needed. */
bool layout_tables(struct arena *arena, struct layout *layout, enum table_kind tables,
		   const struct diagram_outcome *outcomes, size_t outcome_count, size_t bytes_max);

#endif
