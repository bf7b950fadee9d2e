"""Copy this file into the DAG folder: an airflow dag file."""

from fourkeys.airflow import manual, nightly

fourkeys = nightly(folder="/srv/fourkeys", timezone="Asia/Tokyo")
fourkeys_manual = manual(folder="/srv/fourkeys")
