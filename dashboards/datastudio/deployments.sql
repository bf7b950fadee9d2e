-- Table: deployments, newest first, with what they carried, whether they failed and by which rule, and their recovery.
select
    service,
    owner,
    deployed_date,
    deployed_at,
    deployment_id,
    ref,
    url,
    repository,
    sha,
    kind,
    changes,
    is_failed,
    failed_by,
    recovered_date,
    recovery_hours,
    is_rework,
    rework_by

from ${mart}.deployments
where environment = '${environment}'
order by deployed_at desc, service, deployment_id
