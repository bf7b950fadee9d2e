"""The warehouse BigQuery: `bigquery://project/dataset`; needs the extra `bigquery`."""

from fourkeys.warehouses.bigquery._connect import connect, rehearse
from fourkeys.warehouses.bigquery._door import Door
from fourkeys.warehouses.bigquery._warehouse import BigQuery, parse_url

__all__ = ["BigQuery", "Door", "connect", "parse_url", "rehearse"]
