-- Failed deployments that were recovered on these days: the last resolution of their incidents, or else the rollback or
-- revert, minus the deployment, in hours. Failures of these days that are still open are shown and not counted.
select
    if(recovered_at is null, 'no: not recovered', 'yes') as counted,
    deployment_id,
    ref,
    failed_by,
    recovery_hours,
    deployed_at,
    recovered_at

from (
    select
        *,
        coalesce(recovered_date, deployed_date) as shown_date

    from ${mart}.deployments
    where is_failed
) as failures
where
    service = ?
    and environment = '${environment}'
    and shown_date >= ?
    and shown_date < ?
order by recovered_at is null, recovery_hours, deployment_id
