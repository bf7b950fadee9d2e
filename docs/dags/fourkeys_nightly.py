"""Copy this file into the DAG folder."""

from fourkeys.airflow import Job, manual_dag, nightly_dag

job = Job(folder="/srv/fourkeys")
nightly, manual = nightly_dag(job, timezone="Asia/Tokyo"), manual_dag(job)
