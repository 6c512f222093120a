/* Writes the nodes in tables, and the outcomes, as the bytes of the tables. */
#ifndef SKLC_LAYOUT_WRITE_H
#define SKLC_LAYOUT_WRITE_H

#include "compiler/pipeline.h"
#include "layout.h"

/* Fills in the searches' steps, table_refs, rows_of, the regions and the tables' bytes. False if a search would have
 * more steps than there are tags, and object.table_bytes is 0; or if there would be more than BYTES_MAX bytes,
 * whose number layout_bytes() then gives. */
bool write_tables(struct arena *arena, struct layout *layout, enum table_kind tables,
		  const struct diagram_outcome *outcomes, size_t outcome_count, size_t bytes_max);

#endif
