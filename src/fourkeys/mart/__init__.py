"""From raw tables to figures: the graph sweep, and the SQL views in their order."""
