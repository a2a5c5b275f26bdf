-- A question with many readings, dozens in three languages, looks into the index of words once for each. The planner takes that to be
-- dearer than reading the passages of all tenants, whose number it knows, since it knows nothing of how rare a word is.
alter function ragdz.search_chunks set enable_seqscan = off;
