"""Where tables and views live: one module per engine, behind the protocol of `base`."""
