"""The warehouse BigQuery: `bigquery://project/dataset`; needs the extra `bigquery`."""

from fourkeys.warehouses.bigquery._connect import connect, rehearse, verify
from fourkeys.warehouses.bigquery._door import Door
from fourkeys.warehouses.bigquery._rehearsal import Step
from fourkeys.warehouses.bigquery._warehouse import BigQuery, parse_url

__all__ = ["BigQuery", "Door", "Step", "connect", "parse_url", "rehearse", "verify"]
